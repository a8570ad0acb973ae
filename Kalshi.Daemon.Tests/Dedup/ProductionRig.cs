using System.Text;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Store;
using Kalshi.Daemon.Tests.Store;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Dedup;

/// <summary>
/// A dedup without sources: random turns into a real production, by the rules of <see cref="ProductionStore"/>. Its memory is the numbers of the turns
/// it told. Where it opens production, that memory and everything else it is told must be of one turn that it once told; it goes on from there with new turns.
/// </summary>
internal sealed class ProductionRig : IDisposable
{
    private readonly Random _random;
    private readonly StoreDatabase _database;
    private readonly CancellationTokenSource _stop = new();
    private readonly List<long> _memory = [];
    private Thread? _thread;
    private volatile bool _isTurning;
    private bool _isDisposed;

    public ProductionRig(string dsn, Random random, int writers = 1, TimeSpan? timeout = null, RandomTurns? turns = null, string timescale = "auto", int stateEvery = 7)
    {
        _random = random;
        StateEvery = stateEvery;
        Turns = turns ?? new RandomTurns(random);
        _database = new StoreDatabase(dsn, timeout ?? TimeSpan.FromSeconds(30));
        Settings = new ProductionSettings(["g0", "g1", "g2"], timescale, writers, timeout ?? TimeSpan.FromSeconds(30), Margin: 10_000_000);
        Store = new ProductionStore(_database, Settings, NullLogger.Instance);
    }

    public ProductionSettings Settings { get; }

    public ProductionStore Store { get; }

    public RandomTurns Turns { get; }

    /// <summary>One turn in so many tells the whole memory; 0: none.</summary>
    public int StateEvery { get; }

    /// <summary>How often production was opened.</summary>
    public int Opened { get; private set; }

    public Exception? Fault { get; private set; }

    /// <summary>Opens production; what it knows must fit the turns told.</summary>
    public ProductionStart Open(CancellationToken stop = default)
    {
        var start = Store.Open(stop);
        Assert.That(start.Turn, Is.LessThanOrEqualTo(Turns.Count), "turns that nobody told");
        Turns.Truncate((int)start.Turn);
        _memory.Clear();
        start.Restore(ReadState, stream => _memory.Add(new BinaryReader(stream).ReadInt64()));
        Assert.That(_memory, Is.EqualTo(Enumerable.Range(1, (int)start.Turn).Select(turn => (long)turn)), "the memory is that of the last turn");
        Assert.That(start.Watermark, Is.EqualTo(start.Turn == 0 ? 0 : RandomTurns.WatermarkOf(start.Turn)));
        Assert.That(start.Gatherers.Select(gatherer => gatherer.Name), Is.EqualTo(Settings.Gatherers));
        Assert.That(start.Gatherers.Select(gatherer => gatherer.Position.At), Is.EqualTo(Enumerable.Range(0, 3).Select(gatherer => start.Turn == 0 ? 0 : RandomTurns.PositionOf(gatherer, start.Turn))));
        var model = Model();
        Assert.That(Enumerable.Range(1, start.Markets.Count).Select(market => Encoding.UTF8.GetString(start.Markets.Ticker(market))), Is.EqualTo(model.Markets));
        Opened++;
        return start;
    }

    /// <summary>Merges and hands over so many turns.</summary>
    public ProductionRig Run(int turns)
    {
        for (var i = 0; i < turns; i++)
        {
            Turn(_stop.Token);
        }

        return this;
    }

    private void Turn(CancellationToken stop)
    {
        var batch = Store.Begin();
        Turns.Add();
        Assert.That(batch.Turn, Is.EqualTo(Turns.Count));
        Turns.Tell(Turns.Count - 1, new BatchTurn(batch));
        batch.Watermark = RandomTurns.WatermarkOf(batch.Turn);
        for (var gatherer = 0; gatherer < 3; gatherer++)
        {
            batch.SetPosition(gatherer, RandomTurns.PositionOf(gatherer, batch.Turn), RandomTurns.PositionOf(gatherer, batch.Turn) == 0 ? 0 : gatherer + 1);
        }

        _memory.Add(batch.Turn);
        if (StateEvery > 0 && _random.Next(StateEvery) == 0)
        {
            batch.SaveState(WriteState);
        }
        else
        {
            new BinaryWriter(batch.Log).Write(batch.Turn);
        }

        Store.Commit(batch, stop);
    }

    private void WriteState(Stream to)
    {
        var writer = new BinaryWriter(to);
        writer.Write(_memory.Count);
        _memory.ForEach(writer.Write);
    }

    private void ReadState(Stream from)
    {
        var reader = new BinaryReader(from);
        for (var left = reader.ReadInt32(); left > 0; left--)
        {
            _memory.Add(reader.ReadInt64());
        }
    }

    public ProductionModel Model()
    {
        var model = new ProductionModel();
        for (var turn = 0; turn < Turns.Count; turn++)
        {
            Turns.Tell(turn, model);
        }

        return model;
    }

    /// <summary>A thread opens production and makes turns until <see cref="StopTurning"/>, as dedup does.</summary>
    public ProductionRig StartTurning()
    {
        _isTurning = true;
        _thread = new Thread(Work) { Name = "rig" };
        _thread.Start();
        return this;
    }

    private void Work()
    {
        try
        {
            Open(_stop.Token);
            while (_isTurning)
            {
                try
                {
                    Turn(_stop.Token);
                    if (_random.Next(4) == 0)
                    {
                        Store.Flush(_stop.Token);
                    }
                }
                catch (ProductionMovedException)
                {
                    Open(_stop.Token);
                }
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Given up, as asked.
        }
        catch (Exception e)
        {
            Fault = e;
        }
    }

    /// <summary>Ends the thread behind a turn; `giveUp`: wherever it is.</summary>
    public void StopTurning(bool giveUp = false)
    {
        _isTurning = false;
        if (giveUp)
        {
            _stop.Cancel();
        }

        _thread?.Join();
        _thread = null;
        Assert.That(Fault, Is.Null);
    }

    /// <summary>It goes on committing.</summary>
    public async Task ProgressAsync(int turns = 5)
    {
        var goal = Store.Counters.Turns + turns;
        await Simulation.Eventually.BecomesTrue(() => Fault is not null || Store.Counters.Turns >= goal, 60_000);
        Assert.That(Fault, Is.Null);
    }

    /// <summary>Everything told is in production, once.</summary>
    public async Task AssertExactAsync(string dsn)
    {
        for (var isDone = false; !isDone;)
        {
            try
            {
                Store.Flush(default);
                isDone = true;
            }
            catch (ProductionMovedException)
            {
                Open();
            }
        }

        Assert.That(Store.Counters.Turn, Is.EqualTo(Turns.Count));
        await ProductionContents.AssertAsync(dsn, Model(), $"turn {Turns.Count}");
    }

    /// <summary>May be called again: tests end one dedup and begin the next.</summary>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        _isTurning = false;
        _stop.Cancel();
        _thread?.Join();
        Store.Dispose();
        _database.Dispose();
        _stop.Dispose();
    }
}
