using System.Text.Json;
using Kalshi.Daemon.Primitives;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.EndToEnd;

/// <summary>A simulated exchange in a folder of its own, and the gatherers that run against it. All of it is gone afterwards.</summary>
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

    public KalshidProcess StartGather(params string[] arguments) => Own(KalshidProcess.Start(["gather", "--config", Config, .. arguments]));

    /// <summary>Runs one mode with this rehearsal's configuration.</summary>
    public Finished Run(string mode, params string[] arguments) => KalshidProcess.Run([mode, .. arguments, "--config", Config]);

    /// <summary>One number of the running gatherer's status file; 0 while there is none.</summary>
    public long Status(string key)
    {
        try
        {
            using var status = JsonDocument.Parse(System.IO.File.ReadAllBytes(Path.Combine(DataDir, "status.json")));
            return status.RootElement.GetProperty(key).GetInt64();
        }
        catch (IOException)
        {
            return 0;
        }
    }

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
        _processes.Add(process);
        return process;
    }
}
