using System.Net;
using System.Runtime.InteropServices;
using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Simulation;

/// <summary>`kalshid simulate`: source → exchange → sockets, with the truth beside it.</summary>
internal static class SimulateCommand
{
    public static readonly CommandOption[] Options =
    [
        new("listen", "ADDR:PORT", "where to listen, default 127.0.0.1:0; port 0 takes a free one, which is logged"),
        new("write-config", "FILE", "write a configuration with URLs and key for the other modes, once listening"),
        new("key", "rsa|ed25519", "kind of API key to make, default rsa"),
        new("truth", "FILE", "one NDJSON line for everything the exchange produced"),
        new("replay", "DIR", "play back recordings (*.ndjson.gz, *.market.json); the clock is held until their markets are subscribed"),
        new("speed", "X|max", "replay: recorded seconds per second, default 1"),
        new("as-recorded", null, "replay: keep the hours between recordings; by default all start together and interleave"),
        new("start-now", null, "replay: do not wait for subscribers"),
        new("seed", "N", "make up an exchange from this seed, default 1"),
        new("markets", "N", "open markets at the start, combos not counted, default 1000, at most 1000000"),
        new("combos", "N", "open combo markets, default a tenth of the markets, at most 20000"),
        new("rate", "N|max", "messages a second over the whole exchange on average, default 1000"),
        new("duration", "T", "length of the stream, such as 60s; default endless"),
        new("frames", "N", "end the stream after so many produced messages"),
        new("wave-interval", "T", "distance of the waves of new markets, default 1h or a quarter of the duration"),
        new("wave-markets", "N", "markets of a wave, default a fiftieth of the markets"),
        new("levels", "N", "levels a side in the first market's book, for snapshots of megabytes"),
        new("start-at", "TIME", "exchange time of the first event, RFC 3339; default now"),
        new("hold", null, "seeded: hold the clock until every open market is subscribed"),
        new("fault", "RULE", FaultRule.Help),
        new("faults", "FILE", "a file of rules, one a line, # starts a comment"),
        new("cutoff", "TIME", "trades before this are historical only, RFC 3339; default 60 days before the start"),
        new("linger", "T", "stay up after the stream has ended, default 2s"),
        new("clock-tolerance", "T", "how far a signed timestamp may be off, default 30s"),
        new("queue-bytes", "SIZE", "bytes that may wait on one connection before error 25, default 64MiB"),
        new("read-tokens", "N", "REST tokens a second; a call costs 10; default 200, as the exchange's Basic tier"),
        new("tickers-per-command-max", "N", "more tickers in one command are error 26, default 5000"),
        new("commands-per-second-max", "N", "more commands of one session are error 27, default 10000"),
    ];

    public static async Task<int> RunAsync(CommandLine line)
    {
        ILogger log = new ConsoleLog();
        log.Started(Modes.VersionText, "simulate", line.Value("config") ?? "none");
        var seed = (ulong)Integer(line, "seed", 1, 0, long.MaxValue);
        var startAt = Time(line, "start-at") ?? Micros.Now();
        var (source, speed, startNow) = line.Has("replay") ? Replay(line) : Seeded(line, seed);
        var faults = Faults(line, seed, log);
        using var truth = line.Value("truth") is { } path ? new TruthFile(path) : null;
        var exchange = new SimulatedExchange(Exchange(line, seed, source is ReplaySource replay ? replay.FirstReceivedAt : startAt), faults, truth);
        source.Populate(exchange, startAt);
        log.Populated(exchange.Markets.Count, exchange.Markets.Events.Count, GC.GetTotalMemory(false) >> 20);

        using var pump = new ExchangePump(exchange, source, truth, new PumpSettings(speed, startNow));
        pump.Started = () => log.StreamStarted();
        var key = ServerKey.Generate(Choice(line, "key", "rsa", "rsa", "ed25519") == "rsa" ? KeyKind.Rsa : KeyKind.Ed25519);
        var queue = Bytes(line, "queue-bytes", 64 << 20, 1 << 10, 1 << 30);
        await using var server = new SimulatedServer(pump, key, new ServerSettings(
            Endpoint(line), line.Duration("clock-tolerance") ?? TimeSpan.FromSeconds(30), (int)queue, Integer(line, "read-tokens", 200, 1, 100_000_000)));
        await server.StartAsync();
        log.Listening(server.Endpoint.ToString(), key.Id);
        pump.Start();
        if (line.Value("write-config") is { } file)
        {
            SimulatorConfig.Write(file, server.Endpoint, key);
        }

        var ended = await RunUntilOverAsync(pump, log, line.Duration("linger") ?? TimeSpan.FromSeconds(2));
        log.StreamEnded(ended, exchange.Counters.Deltas, exchange.Counters.Trades, exchange.Counters.Tickers, exchange.Counters.Lifecycle,
            exchange.Counters.Snapshots, exchange.Counters.FramesSent, exchange.Counters.BytesSent, exchange.Counters.Overflows, faults.Summary());
        return ExitCode.Ok;
    }

    private static FaultPlan Faults(CommandLine line, ulong seed, ILogger log)
    {
        var rules = line.Values("fault").Select(rule => FaultRule.Parse(rule, "--fault"));
        rules = line.Value("faults") is { } file ? rules.Concat(FaultRule.ReadFile(file)) : rules;
        return new FaultPlan([.. rules], seed) { Injected = (rule, connection) => log.FaultInjected(rule.Text, connection) };
    }

    /// <summary>The stream's end, then the queues empty, then the linger; a signal ends it at any point.</summary>
    private static async Task<string> RunUntilOverAsync(ExchangePump pump, ILogger log, TimeSpan linger)
    {
        var interrupted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Interrupt(PosixSignalContext context)
        {
            context.Cancel = interrupted.TrySetResult();
        }

        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
        if (await Task.WhenAny(pump.Over, interrupted.Task) == interrupted.Task)
        {
            return "signal";
        }

        await pump.Over;
        log.StreamOver(linger.TotalSeconds);
        var drained = DrainAsync(pump, linger);
        return await Task.WhenAny(drained, interrupted.Task) == drained ? "end" : "signal";
    }

    /// <summary>Half-open connections never drain and are not waited for; nor is a reader of more than a minute.</summary>
    private static async Task DrainAsync(ExchangePump pump, TimeSpan linger)
    {
        for (var waited = 0; waited < 6_000 && pump.Connections.Any(connection => connection.Queued > 0 && !connection.IsStalled); waited++)
        {
            await Task.Delay(10);
        }

        await Task.Delay(linger);
    }

    private static (IEventSource Source, double Speed, bool StartNow) Replay(CommandLine line)
    {
        var speed = line.Value("speed") == "max" ? 0 : line.Number("speed") ?? 1;
        if (speed < 0)
        {
            throw new SetupException(ExitCode.Usage, $"--speed {speed}: expected a number above 0, or max.");
        }

        return (new ReplaySource(Recording.ReadAll(line.Value("replay")!), line.Has("as-recorded")), speed, line.Has("start-now"));
    }

    private static (IEventSource Source, double Speed, bool StartNow) Seeded(CommandLine line, ulong seed)
    {
        var markets = (int)Integer(line, "markets", 1_000, 1, 1_000_000);
        var duration = line.Duration("duration") is { } length ? Micros.FromTimeSpan(length) : long.MaxValue;
        var wave = line.Duration("wave-interval") is { } interval ? Micros.FromTimeSpan(interval)
            : duration == long.MaxValue ? Micros.PerHour : Math.Clamp(duration / 4, 10 * Micros.PerSecond, Micros.PerHour);
        var settings = new SeededSettings(
            seed,
            markets,
            (int)Integer(line, "combos", Math.Min(markets / 10, 20_000), 0, 500_000),
            line.Value("rate") == "max" ? 0 : Integer(line, "rate", 1_000, 1, 10_000_000),
            duration,
            Integer(line, "frames", long.MaxValue, 1, long.MaxValue),
            Math.Max(Micros.PerMillisecond, wave),
            (int)Integer(line, "wave-markets", Math.Clamp(markets / 50, 1, 20_000), 1, 100_000),
            (int)Integer(line, "levels", 0, 0, 490_000),
            PinStamps: line.Has("start-at"));
        return (new SeededSource(settings), settings.Rate == 0 ? 0 : 1, !line.Has("hold"));
    }

    private static ExchangeSettings Exchange(CommandLine line, ulong seed, long startAt) => new()
    {
        Seed = seed,
        TickersPerCommandMax = (int)Integer(line, "tickers-per-command-max", 5_000, 1, 1_000_000),
        CommandsPerSecondMax = (int)Integer(line, "commands-per-second-max", 10_000, 1, 1_000_000),
        HistoricalCutoff = Time(line, "cutoff") ?? startAt - (60 * Micros.PerDay),
    };

    private static long? Time(CommandLine line, string name) => line.Value(name) is not { } text ? null
        : Micros.TryParseRfc3339(System.Text.Encoding.UTF8.GetBytes(text), out var at) ? at
        : throw new SetupException(ExitCode.Usage, $"--{name} {text}: expected a time such as 2026-11-23T14:00:00Z.");

    private static IPEndPoint Endpoint(CommandLine line)
    {
        var text = line.Value("listen") ?? "127.0.0.1:0";
        return IPEndPoint.TryParse(text, out var endpoint) && text.Contains(':') ? endpoint
            : throw new SetupException(ExitCode.Usage, $"--listen {text}: expected ADDRESS:PORT such as 127.0.0.1:0.");
    }

    private static long Integer(CommandLine line, string name, long otherwise, long min, long max)
    {
        var value = line.Integer(name) ?? otherwise;
        return value >= min && value <= max ? value : throw new SetupException(ExitCode.Usage, $"--{name} {value}: expected a whole number from {min} to {max}.");
    }

    private static long Bytes(CommandLine line, string name, long otherwise, long min, long max) => line.Value(name) is not { } text ? otherwise
        : Units.TryParseBytes(text, out var value) && value >= min && value <= max ? value
        : throw new SetupException(ExitCode.Usage, $"--{name} {text}: expected a size from {Units.FormatBytes(min)} to {Units.FormatBytes(max)}.");

    private static string Choice(CommandLine line, string name, string otherwise, params ReadOnlySpan<string> choices)
    {
        var value = line.Value(name) ?? otherwise;
        return choices.Contains(value) ? value : throw new SetupException(ExitCode.Usage, $"--{name} {value}: expected {string.Join(" or ", choices.ToArray())}.");
    }
}
