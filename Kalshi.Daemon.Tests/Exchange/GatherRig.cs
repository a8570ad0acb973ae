using System.Text;
using System.Text.Json;
using Kalshi.Daemon.Exchange;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Registry;
using Kalshi.Daemon.Simulation;
using Kalshi.Daemon.Tests.Journal;
using Kalshi.Daemon.Tests.Simulation;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Exchange;

/// <summary>A command as the journal holds it.</summary>
internal sealed record SentCommand(int Session, long Id, string Name, string[] Tickers);

/// <summary>
/// The real parts of `gather`, wired as it wires them, against a scripted exchange in this process on a real loopback socket. Faults
/// go by a clock that the test moves with <see cref="FaultsAt"/>; what was captured is read back from the journal.
/// </summary>
internal sealed class GatherRig : IAsyncDisposable
{
    private static readonly NullLogger Log = NullLogger.Instance;

    private readonly TemporaryFolder _folder = new();
    private readonly JournalWriter _journal;
    private readonly System.Threading.Channels.Channel<CaptureEvent> _events = System.Threading.Channels.Channel.CreateBounded<CaptureEvent>(new System.Threading.Channels.BoundedChannelOptions(1 << 16) { SingleReader = true, SingleWriter = true });
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _running = [];
    private readonly Task _controlling;
    private readonly string _journalDirectory;
    private bool _stopped;

    /// <summary>Shards dial when it is done.</summary>
    private Task _placing = Task.CompletedTask;

    private GatherRig(SimulatorHarness simulator, ScriptedSource source, RigSettings settings)
    {
        (Simulator, Source) = (simulator, source);
        _journalDirectory = settings.JournalDirectory ?? _folder.File("journal");
        _journal = JournalWriter.Open(new JournalSettings(_journalDirectory, 64 << 20, 1, 1 << 20), Log);
        Capture = new Capture(_journal, _events.Writer, Log);
        Capture.Start();
        var signer = RequestSigner.FromPem(simulator.Key.Id, simulator.Key.PrivatePem, "test");
        Rest = new RestClient($"http://{simulator.Endpoint}{SimulatedServer.RestBase}", signer, Log);
        Rest.SetLimits(100_000, 100_000);
        Dialer = new Dialer(new Uri($"ws://{simulator.Endpoint}{SimulatedServer.WebSocketPath}"), signer, _journal.FirstFreeSession, Capture, Log);
        Pace = new CommandPace(10_000);
        SilenceMsMax = settings.SilenceMsMax;
        Shards = new Shards(settings.Connections, settings.MarketsPerConnection,
            () => new BookShard(settings.MarketsPerConnection, settings.Chunk, settings.AuditInterval, Pace, Log), shard => Run(DialWhenPlacedAsync(shard)), Log);
        Registry = new MarketRegistry(Rest, Shards, JournalPage, includeCombos: false, TimeSpan.FromHours(1), Log);
        _controlling = new ControlLoop(_events.Reader, Sessions, Registry, Shards, Log).RunAsync();
    }

    public SimulatorHarness Simulator { get; }

    public ScriptedSource Source { get; }

    public Capture Capture { get; }

    public RestClient Rest { get; }

    public Dialer Dialer { get; }

    public CommandPace Pace { get; }

    public SessionDirectory Sessions { get; } = new();

    public Shards Shards { get; }

    public MarketRegistry Registry { get; }

    public long SilenceMsMax { get; }

    public string DataDirectory => _folder.Path;

    public CancellationToken Stopping => _stop.Token;

    public static async Task<GatherRig> StartAsync(RigSettings? settings = null)
    {
        settings ??= new RigSettings();
        var source = new ScriptedSource(settings.Markets);
        var faults = new FaultPlan([.. settings.Faults.Select(rule => FaultRule.Parse(rule, "test"))], 7);
        var exchange = settings.Exchange with { HistoricalCutoff = settings.Exchange.HistoricalCutoff == 0 ? Micros.Now() - (60 * Micros.PerDay) : settings.Exchange.HistoricalCutoff };
        return new GatherRig(await SimulatorHarness.StartAsync(source, faults: faults, exchangeSettings: exchange), source, settings);
    }

    public Task JournalPage(RestPage page, byte[] body) => Capture.AppendAsync(RecordKind.RestPage, 0, SessionRecords.Bytes(page, body));

    public void Connect(ISubscription subscription) => Run(ConnectionOf(subscription).RunAsync(_stop.Token));

    public void Run(Task loop)
    {
        lock (_running)
        {
            _running.Add(loop);
        }
    }

    /// <summary>
    /// All markets of the script on shards, each accepted and its first snapshot captured. No shard dials before all are placed, so its first
    /// commands are the same in every run.
    /// </summary>
    public async Task SubscribeAllAsync()
    {
        var tickers = await AskAsync(exchange => Enumerable.Range(0, exchange.Markets.Count).Select(i => Encoding.UTF8.GetString(exchange.Markets[i].Ticker)).ToArray());
        var placing = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _placing = placing.Task;
        Shards.Place(tickers);
        placing.SetResult();
        await Eventually.BecomesTrue(() =>
        {
            Shards.PlaceRefused();
            return Shards.Subscribed == tickers.Length && Capture.Counters.Of(FrameType.OrderbookSnapshot) >= tickers.Length;
        }, 20_000);
    }

    public Task<T> AskAsync<T>(Func<SimulatedExchange, T> question) => Simulator.Pump.AskAsync(() => question(Simulator.Exchange));

    public Task DoAsync(Action<SimulatedExchange> deed) => AskAsync(exchange =>
    {
        deed(exchange);
        return true;
    });

    /// <summary>Moves the faults' clock. On the exchange's thread.</summary>
    public void FaultsAt(int second) => Simulator.Exchange.Faults.Advance(second * Micros.PerSecond, Simulator.Exchange, Source);

    /// <summary>A level grows. On the exchange's thread.</summary>
    public static void Delta(SimulatedExchange exchange, int market, int times = 1)
    {
        for (var i = 0; i < times; i++)
        {
            exchange.Delta(exchange.Markets[market], Side.Yes, 400_000, 100, Micros.Now());
        }
    }

    /// <summary>One delta lost on the wire and one more that shows it: needs the fault "drop at=1s" as the first.</summary>
    public void Gap(SimulatedExchange exchange)
    {
        FaultsAt(1);
        Delta(exchange, 0, 2);
    }

    public async Task StopAsync()
    {
        if (_stopped)
        {
            return;
        }

        _stopped = true;
        await _stop.CancelAsync();
        Task[] running;
        lock (_running)
        {
            running = [.. _running];
        }

        await Task.WhenAll(running);
        Capture.Stop();
        _journal.Dispose();
        _events.Writer.Complete();
        await _controlling;
    }

    public List<Kept> Records() => JournalFixture.ReadAll(_journalDirectory).Records;

    public List<Kept> Records(int session) => Records().FindAll(record => record.Session == session);

    public List<SentCommand> Commands(string? name = null)
    {
        var commands = new List<SentCommand>();
        foreach (var record in Records().Where(record => record.Kind == RecordKind.Command))
        {
            using var json = JsonDocument.Parse(record.Bytes);
            var parameters = json.RootElement.GetProperty("params");
            var tickers = parameters.TryGetProperty("market_tickers", out var list) ? list.EnumerateArray().Select(ticker => ticker.GetString()!).ToArray() : [];
            var command = parameters.TryGetProperty("action", out var action) ? action.GetString()! : json.RootElement.GetProperty("cmd").GetString()!;
            commands.Add(new SentCommand(record.Session, json.RootElement.GetProperty("id").GetInt64(), command, tickers));
        }

        return name is null ? commands : commands.FindAll(command => command.Name == name);
    }

    public List<(RestPage Page, JsonDocument? Body)> Pages(string purpose) =>
        [.. Records().Where(record => record.Kind == RecordKind.RestPage).Select(record => Page(record.Bytes)).Where(page => page.Page.Purpose == purpose)];

    public int SessionsOpened() => Records().Count(record => record.Kind == RecordKind.SessionOpened);

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Rest.Dispose();
        _stop.Dispose();
        await Simulator.DisposeAsync();
        _folder.Dispose();
    }

    private Connection ConnectionOf(ISubscription subscription) => new(subscription, Dialer, Sessions, TimeSpan.FromSeconds(10), Log, SilenceMsMax);

    private async Task DialWhenPlacedAsync(BookShard shard)
    {
        await _placing;
        await ConnectionOf(shard).RunAsync(_stop.Token);
    }

    private static (RestPage Page, JsonDocument? Body) Page(byte[] bytes)
    {
        var line = Array.IndexOf(bytes, (byte)'\n');
        var page = JsonSerializer.Deserialize(bytes.AsSpan(0, line), SessionRecordsJson.Default.RestPage)!;
        try
        {
            return (page, JsonDocument.Parse(bytes.AsMemory(line + 1)));
        }
        catch (JsonException)
        {
            return (page, null);
        }
    }
}

/// <summary>What a rig is made of.</summary>
internal sealed record RigSettings
{
    public int Markets { get; init; } = 10;

    public int Chunk { get; init; } = 4;

    public int Connections { get; init; } = 4;

    public int MarketsPerConnection { get; init; } = 100;

    public TimeSpan AuditInterval { get; init; } = TimeSpan.Zero;

    public long SilenceMsMax { get; init; } = Connection.SilenceMsMax;

    public string[] Faults { get; init; } = [];

    public ExchangeSettings Exchange { get; init; } = new();

    public string? JournalDirectory { get; init; }
}
