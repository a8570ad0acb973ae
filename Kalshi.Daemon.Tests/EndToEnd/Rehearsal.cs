using System.Text.Json;
using Kalshi.Daemon.Primitives;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.EndToEnd;

/// <summary>A simulated exchange in a folder of its own, and the gatherers that run against it. All of it is gone afterwards. Processes may be started by any thread.</summary>
internal sealed class Rehearsal : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<KalshidProcess> _processes = [];

    public string Config => _folder.File("kalshid.conf");

    public string Truth => _folder.File("truth.ndjson");

    public string DataDir => _folder.File("data");

    public string Journal => Path.Combine(DataDir, "journal");

    public string Parquet => _folder.File("parquet");

    public KalshidProcess Exchange { get; private set; } = null!;

    public string File(string name) => _folder.File(name);

    /// <summary>Starts `kalshid simulate` on a free port; returns when it listens and its configuration is written.</summary>
    public void StartExchange(params string[] arguments)
    {
        Exchange = Own(KalshidProcess.Start(["simulate", "--listen", "127.0.0.1:0", "--write-config", Config, "--truth", Truth, .. arguments]));
        Exchange.Await(() => System.IO.File.Exists(Config), "configuration");
    }

    public KalshidProcess StartGather(params string[] arguments) => Start("gather", arguments);

    /// <summary>Starts one mode with this rehearsal's configuration.</summary>
    public KalshidProcess Start(string mode, params string[] arguments) => Start(new Dictionary<string, string>(), mode, arguments);

    public KalshidProcess Start(IReadOnlyDictionary<string, string> environment, string mode, string[] arguments) =>
        Own(KalshidProcess.Start(environment, [mode, "--config", Config, .. arguments]));

    /// <summary>Runs one mode with this rehearsal's configuration.</summary>
    public Finished Run(string mode, params string[] arguments) => KalshidProcess.Run([mode, .. arguments, "--config", Config]);

    /// <summary>One number of the running gatherer's status file; 0 while there is none.</summary>
    public long Status(string key) => ReadStatus()?.GetProperty(key).GetInt64() ?? 0;

    private JsonElement? ReadStatus() => ReadStatus(DataDir);

    private static JsonElement? ReadStatus(string dataDir)
    {
        try
        {
            return JsonDocument.Parse(System.IO.File.ReadAllBytes(Path.Combine(dataDir, "status.json"))).RootElement;
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>What the gatherer's status file says of its store; null while there is none.</summary>
    public JsonElement? StoreStatus() => ReadStatus()?.GetProperty("store");

    /// <summary>The gatherer has asked for every trade it missed, and everything captured is in its store.</summary>
    public bool IsSettled(int gatherer) => IsSettled(gatherer, DataDir);

    public static bool IsSettled(int gatherer, string dataDir) => ReadStatus(dataDir) is { } status && status.GetProperty("pid").GetInt32() == gatherer
        && !status.GetProperty("backfill_pending").GetBoolean() && status.GetProperty("frames").GetInt64() > 0
        && status.GetProperty("store").GetProperty("committed").GetInt64() > 0 && status.GetProperty("store").GetProperty("lag").GetInt64() == 0;

    /// <summary>`kalshid verify --json`: it must find the store sound; its report.</summary>
    public JsonElement VerifySound(params string[] arguments)
    {
        var verified = Run("verify", ["--json", .. arguments]);
        Assert.That(verified.ExitCode, Is.EqualTo(ExitCode.Ok), $"kalshid verify {string.Join(' ', arguments)}\n{verified.Output}{verified.Error}");
        return JsonDocument.Parse(verified.Output).RootElement;
    }

    public void Dispose()
    {
        _processes.ForEach(process => process.Dispose());
        _folder.Dispose();
    }

    private KalshidProcess Own(KalshidProcess process)
    {
        lock (_processes)
        {
            _processes.Add(process);
        }

        return process;
    }
}
