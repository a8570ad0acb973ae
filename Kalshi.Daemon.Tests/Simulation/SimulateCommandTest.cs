using System.Text.Json;
using Kalshi.Daemon.Primitives;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Simulation;

/// <summary>The mode as a user starts it.</summary>
internal sealed class SimulateCommandTest
{
    private string _directory = "";

    [SetUp]
    public void Create() => _directory = Directory.CreateTempSubdirectory("kalshid-simulate-").FullName;

    [TearDown]
    public void Delete() => Directory.Delete(_directory, recursive: true);

    private string Path(string name) => System.IO.Path.Combine(_directory, name);

    [TestCase("rsa")]
    [TestCase("ed25519")]
    public async Task A_run_writes_a_configuration_that_loads_and_a_truth_that_parses_and_exits_0(string key)
    {
        var code = await Modes.RunAsync(["simulate", "--seed", "9", "--markets", "300", "--rate", "3000", "--duration", "2s", "--wave-interval", "1s",
            "--linger", "10ms", "--key", key, "--write-config", Path("k.conf"), "--truth", Path("truth.ndjson")]);
        Assert.That(code, Is.EqualTo(ExitCode.Ok));

        var options = Options.Load(Path("k.conf"), [], []);
        Assert.That(options.RestUrl, Does.StartWith("http://127.0.0.1:").And.EndWith("/trade-api/v2"));
        Assert.That(options.WsUrl, Does.StartWith("ws://127.0.0.1:").And.EndWith("/trade-api/ws/v2"));
        Assert.That(File.ReadAllText(options.KeyFile), Does.StartWith("-----BEGIN PRIVATE KEY-----"));
        if (!OperatingSystem.IsWindows())
        {
            Assert.That(File.GetUnixFileMode(options.KeyFile), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        }

        var kinds = File.ReadLines(Path("truth.ndjson")).Select(line => JsonDocument.Parse(line).RootElement)
            .CountBy(line => line.GetProperty("kind").GetString()!).ToDictionary();
        Assert.That(kinds.Keys, Is.EquivalentTo(["delta", "trade", "ticker", "lifecycle"]), "nobody subscribed, so no snapshot was put on a stream");
        Assert.That(kinds["delta"], Is.InRange(1_500, 12_000));
    }

    [Test]
    public async Task The_same_seed_and_start_write_the_same_truth()
    {
        foreach (var name in new[] { "a", "b" })
        {
            await Modes.RunAsync(["simulate", "--seed", "9", "--markets", "100", "--rate", "max", "--frames", "20000", "--start-at", "2026-11-23T14:00:00Z",
                "--linger", "0", "--truth", Path(name)]);
        }

        Assert.That(File.ReadAllBytes(Path("a")), Is.EqualTo(File.ReadAllBytes(Path("b"))));
        Assert.That(new FileInfo(Path("a")).Length, Is.GreaterThan(1_000_000));
    }

    [TestCase("--listen nowhere", "--listen nowhere")]
    [TestCase("--markets 0", "--markets 0")]
    [TestCase("--key dsa", "--key dsa")]
    [TestCase("--replay /no/such/place", "no recording")]
    [TestCase("--fault explode", "explode")]
    [TestCase("--start-at yesterday", "--start-at yesterday")]
    public async Task What_cannot_work_is_one_sentence_and_exit_64(string arguments, string expected)
    {
        var error = Console.Error;
        using var text = new StringWriter();
        Console.SetError(text);
        try
        {
            Assert.That(await Modes.RunAsync(["simulate", .. arguments.Split(' ')]), Is.EqualTo(ExitCode.Usage));
        }
        finally
        {
            Console.SetError(error);
        }

        Assert.That(text.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1], Does.StartWith("kalshid: ").And.Contain(expected));
    }
}
