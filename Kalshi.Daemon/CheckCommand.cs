using Kalshi.Daemon.Exchange;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;

namespace Kalshi.Daemon;

/// <summary>`kalshid check`: configuration, key, clock, REST, WebSocket, disk, databases; each a line that says ok or what to do.</summary>
internal static class CheckCommand
{
    public static readonly CommandOption[] Options =
    [
        new("migrate", null, "create or upgrade the schemas of the store and of production, and look at nothing else"),
    ];

    /// <summary>The exchange accepts 10 s; half of it is time to act.</summary>
    private const double SkewSecondsMax = 5;
    private const long FreeBytesMin = 10L << 30;

    public static async Task<int> RunAsync(CommandLine line)
    {
        var failures = 0;
        void Say(string what, bool ok, string text)
        {
            failures += ok ? 0 : 1;
            Console.WriteLine($"{(ok ? "ok  " : "FAIL")} {what,-10} {text}");
        }

        var options = Kalshi.Daemon.Options.Load(line);
        Say("config", true, options.ConfigPath ?? "no file: defaults, environment and --set only");
        if (line.Has("migrate"))
        {
            await CheckDatabasesAsync(options, migrate: true, Say);
            return failures == 0 ? ExitCode.Ok : ExitCode.Failed;
        }

        if (options.KeyId.Length == 0 && options.ProductionDsn.Length > 0)
        {
            Say("key", true, "none: this configuration merges and does not capture");
        }
        else
        {
            await CheckCaptureAsync(options, Say);
        }

        await CheckDatabasesAsync(options, migrate: false, Say);
        return failures == 0 ? ExitCode.Ok : ExitCode.Failed;
    }

    private static async Task CheckCaptureAsync(Options options, Action<string, bool, string> say)
    {
        RequestSigner? signer = null;
        try
        {
            signer = RequestSigner.Load(options.KeyId, options.KeyFile);
            say("key", true, $"{signer.Algorithm}, {options.KeyFile}");
        }
        catch (SetupException e)
        {
            say("key", false, e.Message);
        }

        CheckDisk(options, say);
        if (signer is not null)
        {
            await CheckRestAsync(options, signer, say);
            await CheckSocketAsync(options, signer, say);
        }
    }

    private static async Task CheckDatabasesAsync(Options options, bool migrate, Action<string, bool, string> say)
    {
        if (options.StoreDsn.Length > 0)
        {
            await DatabaseCheck.StoreAsync(options, migrate, say);
        }
        else if (migrate && options.ProductionDsn.Length == 0)
        {
            LoadCommand.RequireDsn(options);
        }
        else if (options.ProductionDsn.Length == 0)
        {
            say("store", true, "none configured: the journal and Parquet files are all there is");
        }

        if (options.ProductionDsn.Length > 0)
        {
            await DatabaseCheck.ProductionAsync(options, migrate, say);
        }

        foreach (var gatherer in migrate ? [] : options.Gatherers)
        {
            await DatabaseCheck.GathererAsync(gatherer, options.DedupTimeout, say);
        }
    }

    private static void CheckDisk(Options options, Action<string, bool, string> say)
    {
        try
        {
            var directory = Directory.CreateDirectory(options.DataDir).FullName;
            var probe = Path.Combine(directory, $".check-{Environment.ProcessId}");
            File.WriteAllText(probe, "kalshid");
            File.Delete(probe);
            var free = new DriveInfo(directory).AvailableFreeSpace;
            say("disk", free >= FreeBytesMin, free >= FreeBytesMin
                ? $"{directory}: {free >> 30} GiB free"
                : $"{directory}: only {free >> 20} MiB free; the journal wants at least {FreeBytesMin >> 30} GiB: free space, move gather.data_dir or lower journal.retention");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            say("disk", false, $"gather.data_dir {options.DataDir} is not writable: {e.Message}");
        }
    }

    private static async Task CheckRestAsync(Options options, RequestSigner signer, Action<string, bool, string> say)
    {
        using var rest = new RestClient(options.RestUrl, signer, new ConsoleLog());
        var answer = await rest.GetOnceAsync("/exchange/status", CancellationToken.None);
        say("rest", answer.Succeeded, answer.Succeeded ? options.RestUrl : $"{options.RestUrl}/exchange/status: {answer}");
        if (answer.Date is { } date)
        {
            var skew = (DateTimeOffset.UtcNow - date).TotalSeconds;
            say("clock", Math.Abs(skew) <= SkewSecondsMax, Math.Abs(skew) <= SkewSecondsMax
                ? $"within {SkewSecondsMax:0} s of the exchange"
                : $"{Math.Abs(skew):0} s {(skew > 0 ? "ahead of" : "behind")} the exchange, which refuses signatures beyond 10 s: fix time synchronisation (chrony, systemd-timesyncd)");
        }

        var limits = await rest.GetOnceAsync("/account/limits", CancellationToken.None);
        say("account", limits.Succeeded, limits.Succeeded ? "the key is accepted" : $"/account/limits: {limits}; {WhyRefused(limits)}");
    }

    private static string WhyRefused(RestAnswer answer) => answer.ToString().Contains("header_timestamp_expired", StringComparison.Ordinal)
        ? "the signature's timestamp is too far from the exchange's clock: fix time synchronisation (chrony, systemd-timesyncd)"
        : "is exchange.key_id the id of this key, and of this environment?";

    private static async Task CheckSocketAsync(Options options, RequestSigner signer, Action<string, bool, string> say)
    {
        try
        {
            await using var socket = await FrameSocket.DialAsync(new Uri(options.WsUrl), signer, TimeSpan.FromSeconds(10), CancellationToken.None);
            say("websocket", true, options.WsUrl);
        }
        catch (DialException e)
        {
            say("websocket", false, $"{options.WsUrl}: {(e.Status == 0 ? "" : $"{e.Status} ")}{e.Message}");
        }
    }
}
