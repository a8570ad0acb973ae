using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>Turns over real stores, onto a tape, with a clock that the test moves; restarted at will with what was remembered.</summary>
internal sealed class TurnRig : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    private readonly StoreDatabase[] _databases;
    private readonly SourceSettings _sources;
    private readonly TurnSettings _turns;
    private ProductionMarkets _markets = new();
    private long _now = 1_790_000_000_000_000;

    public TurnRig(string[] dsns, int pieceRowsMax = 50, TurnSettings? turns = null, TimeSpan? timeout = null)
    {
        _databases = [.. dsns.Select(dsn => new StoreDatabase(dsn, TimeSpan.FromSeconds(5)))];
        _sources = new SourceSettings(TimeSpan.FromMilliseconds(2), timeout ?? TimeSpan.FromSeconds(30), pieceRowsMax, "dedup", TimeSpan.Zero);
        _turns = turns ?? new TurnSettings(Settle: Micros.PerDay, Patience: Micros.PerDay, RowsMax: 100);
        Tape = new TurnTape(market => market == 0 ? "-" : Encoding.UTF8.GetString(_markets.Ticker(market)));
        Turns = Make();
        Turns.Start();
    }

    public TurnTape Tape { get; }

    public TurnReader Turns { get; private set; }

    public StoreDatabase Database(int gatherer) => _databases[gatherer];

    /// <summary>In order of their ids.</summary>
    public IEnumerable<string> Tickers() => Enumerable.Range(1, _markets.Count).Select(market => Encoding.UTF8.GetString(_markets.Ticker(market)));

    /// <summary>Tickers and the exchange's ids of them as they were told since the last restart, in order.</summary>
    public IEnumerable<string> Identified() => _markets.Identified.Select(told => $"{Encoding.UTF8.GetString(_markets.Ticker(told.Market))} {told.ExchangeId}");

    /// <summary>Time passes by the clock of presence.</summary>
    public void Advance(long micros) => Interlocked.Add(ref _now, micros);

    /// <summary>Turns until the condition holds.</summary>
    public void RunUntil(Func<bool> isDone, string what)
    {
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while (!isDone())
        {
            Assert.That(clock.Elapsed, Is.LessThan(Limit), () => $"not within {Limit}: {what}; positions {string.Join(' ', Enumerable.Range(0, Turns.Gatherers).Select(Turns.PositionOf))}, watermark {Turns.Watermark}, {Turns.SourceOf(0).Fault}");
            if (!Turns.TryTurn())
            {
                Turns.Wait(TimeSpan.FromMilliseconds(20), CancellationToken.None);
            }

            Assert.That(Turns.SourceOf(0).Fault, Is.Null);
        }
    }

    /// <summary>Turns until each gatherer has been told to its end.</summary>
    public void RunTo(params long[] ends) => RunUntil(() => ends.Index().All(end => Turns.PositionOf(end.Index) >= end.Item), $"all told to {string.Join(' ', ends)}");

    /// <summary>A new process with what the last one remembered: the whole of it, or some state and the changes since.</summary>
    public void Restart(MemoryStream state, List<MemoryStream> changes)
    {
        Turns.Dispose();
        var markets = new ProductionMarkets();
        for (var market = 1; market <= _markets.Count; market++)
        {
            markets.Load(_markets.Ticker(market));
        }

        _markets = markets;
        Turns = Make();
        Read(state, Turns.ReadAll);
        changes.ForEach(change => Read(change, Turns.ReadChanges));
        Turns.Start();
    }

    public void Restart() => Restart(Written(Turns.WriteAll), []);

    public static MemoryStream Written(Action<StateWriter> write)
    {
        var stream = new MemoryStream();
        using var writer = new StateWriter(stream);
        write(writer);
        return stream;
    }

    public static void Read(MemoryStream stream, Action<StateReader> read)
    {
        stream.Position = 0;
        using var reader = new StateReader(stream);
        read(reader);
        Assert.That(stream.Position, Is.EqualTo(stream.Length), "all that was remembered is read");
    }

    private TurnReader Make()
    {
        // Claims of its own for each: some tests load one journal into two stores.
        var sources = _databases.Select((database, i) => new GathererSource($"g{i}", database, _sources, new StoreClaims(), Now, NullLogger.Instance)).ToList();
        return new TurnReader(sources, _markets, Tape, Tape, _turns, Now, NullLogger.Instance);
    }

    private long Now() => Interlocked.Read(ref _now);

    public void Dispose()
    {
        Turns.Dispose();
        foreach (var database in _databases)
        {
            database.Dispose();
        }
    }
}
