using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Registry;
using Kalshi.Daemon.Store;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// What one turn writes into production, in one transaction: filled by the merge's thread, sealed, sent by a writer, then reused. Allocates only
/// to grow. What the merges tell may come in any mixture; before it is handed to <see cref="ProductionStore.Commit"/>, the turn must also have
/// told the watermark, the gatherers' positions, and the merge's memory: what changed (<see cref="Log"/>) or all of it (<see cref="SaveState"/>).
/// </summary>
internal sealed class ProductionBatch : IBookOutput, IStreamOutput
{
    /// <summary>As <see cref="SpareMemory.TryHalve"/> has it.</summary>
    private const int LogKeptBytes = 1 << 18;

    private readonly string[] _gatherers;
    private readonly CopyBuffer[] _tables = [.. Enumerable.Range(0, ProductionTables.Count).Select(_ => new CopyBuffer())];
    private readonly List<BookStep> _steps = [new BookStep()];

    /// <summary>The step that a market's rows belong to now; those that had no correction are not in it: the first.</summary>
    private readonly Dictionary<int, int> _stepOf = [];

    private readonly GathererPosition[] _from;
    private readonly GathererPosition[] _to;
    private readonly List<long> _hours = [];
    private readonly MemoryStream _log = new();
    private long _hour = long.MinValue;
    private int _place;

    /// <param name="gatherers">Their names by index.</param>
    public ProductionBatch(IReadOnlyList<string> gatherers)
    {
        _gatherers = [.. gatherers];
        _from = new GathererPosition[gatherers.Count];
        _to = new GathererPosition[gatherers.Count];
    }

    /// <summary>Its number; turns are numbered from 1, without a gap.</summary>
    public long Turn { get; private set; }

    /// <summary>µs; production holds everything up to here that present gatherers told. Begins as that of the turn before.</summary>
    public long Watermark { get; set; }

    /// <summary>Takes what the turn changed in the merges' memory (<see cref="IMergeMemory.WriteChanges"/>), as it is: it is compressed and checksummed here.</summary>
    public Stream Log => _log;

    /// <summary>The merges' whole memory, packed; null for most turns.</summary>
    public PackedState? State { get; private set; }

    /// <summary>Rows told, of every table.</summary>
    public long Rows
    {
        get
        {
            long rows = 0;
            foreach (var table in _tables)
            {
                rows += table.Rows;
            }

            foreach (var step in Steps)
            {
                rows += step.Rows;
            }

            return rows;
        }
    }

    public long Bytes
    {
        get
        {
            var bytes = _log.Length + (State?.Bytes ?? 0);
            foreach (var table in _tables)
            {
                bytes += table.Bytes;
            }

            foreach (var step in Steps)
            {
                bytes += step.Bytes;
            }

            return bytes;
        }
    }

    /// <summary>In order; nearly always one. As many as are in use.</summary>
    public ReadOnlySpan<BookStep> Steps => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_steps)[..StepCount];

    public int StepCount { get; private set; } = 1;

    /// <summary>Hours (their beginnings, µs) of the rows' times: what partitions they need.</summary>
    public IReadOnlyList<long> Hours => _hours;

    public CopyBuffer this[ProductionTable table] => _tables[(int)table];

    /// <summary>By gatherer: from where to where the turn takes it.</summary>
    public (GathererPosition From, GathererPosition To) Moved(int gatherer) => (_from[gatherer], _to[gatherer]);

    public int Gatherers => _gatherers.Length;

    /// <summary>Of an empty one: a turn that begins where the one before ended.</summary>
    public void Begin(long turn, long watermark, ReadOnlySpan<GathererPosition> positions)
    {
        Turn = turn;
        Watermark = watermark;
        positions.CopyTo(_from);
        positions.CopyTo(_to);
    }

    /// <summary>When it is written: gives back what it needed and the next turn may not.</summary>
    public void Empty()
    {
        State = null;
        PackedLog = [];
        SpareMemory.Empty(_log, LogKeptBytes);
        _hours.Clear();
        _hour = long.MinValue;
        _place = 0;
        _stepOf.Clear();
        foreach (var table in _tables)
        {
            table.Clear();
        }

        foreach (var step in Steps)
        {
            step.Clear();
        }

        StepCount = 1;
    }

    /// <summary>Everything the gatherer received up to `position` (µs) is in this turn or an earlier one. `firstRecordAt`: what tells its store from one that replaces it.</summary>
    public void SetPosition(int gatherer, long position, long firstRecordAt) => _to[gatherer] = new GathererPosition(position, firstRecordAt);

    /// <summary>Where the turn leaves the gatherers.</summary>
    public void CopyPositions(Span<GathererPosition> to) => _to.CopyTo(to);

    /// <summary>Takes the merges' whole memory, which replaces the state and the log that production has. `write` is called at once.</summary>
    public void SaveState(Action<Stream> write) => State = PackedState.Pack(write);

    /// <summary>What is stored as the turn's log; empty with a <see cref="State"/>.</summary>
    public byte[] PackedLog { get; private set; } = [];

    /// <summary>The turn is complete.</summary>
    public void Seal() => PackedLog = State is null ? PackedState.Pack(_log.WriteTo).ToArray() : [];

    /// <summary>A market that production has not; ids are given by the caller, from 1 and dense. Before any row that names it.</summary>
    public void AddMarket(int market, ReadOnlySpan<byte> ticker, long seenAt) => ProductionRows.NewMarket(this[ProductionTable.Markets], market, ticker, seenAt);

    /// <summary>The exchange's own id of a market, in this turn or before; the first one stays.</summary>
    public void AddExchangeId(int market, Guid exchangeId) => ProductionRows.ExchangeId(this[ProductionTable.ExchangeIds], _place++, market, exchangeId);

    // ---- the books ---------------------------------------------------------------------------------------------------------

    public void OnChange(int market, ChangeKey key, in MarketChange change)
    {
        Note(key.At);
        StepOf(market)[BookTable.Deltas].Change(key.At, change.ReceivedAt, change.Delta, market, key.Ordinal, change.Price, RowEncoder.SideChar(change.Side));
    }

    public void OnSnapshot(int market, int number, ChangeKey after, long receivedAt, ReadOnlySpan<Level> yes, ReadOnlySpan<Level> no)
    {
        Note(receivedAt);
        ProductionRows.Snapshot(StepOf(market)[BookTable.Snapshots], market, number, after, receivedAt, yes, no);
    }

    public void OnCoverage(in ProductionCoverage coverage) => ProductionRows.Coverage(StepOf(coverage.Market)[BookTable.CoverageChanges], _place++, coverage);

    public void OnCoverageRemoved(int market, int number) => ProductionRows.CoverageRemoved(StepOf(market)[BookTable.CoverageChanges], _place++, market, number);

    public void OnVouch(in Vouch vouch) => ProductionRows.Vouch(StepOf(vouch.Market)[BookTable.VouchChanges], _place++, vouch);

    public void OnVouchEnded(int market, int number, long toAt, ChangeKey last, string reason) =>
        ProductionRows.VouchEnded(StepOf(market)[BookTable.VouchChanges], _place++, market, number, toAt, last, reason);

    public void OnDisagreement(in Disagreement disagreement) =>
        ProductionRows.Disagreement(this[ProductionTable.DisagreementChanges], _place++, disagreement, Names(disagreement.HeldBy), _gatherers[disagreement.OtherBy]);

    public void OnRenumbered(int market, long at, int first, int count, int by)
    {
        var step = Correct(market);
        step.Renumbered.Add(at, at);
        NoteHour(at);
        ProductionRows.Renumbering(step[BookTable.Renumberings], market, at, first, count, by);
    }

    public void OnJoined(int market, int number, int into, ChangeKey opening) => ProductionRows.Join(Correct(market)[BookTable.Joins], market, number, into, opening);

    public void OnWithdrawn(int market, ChangeKey after, ChangeKey last)
    {
        var step = Correct(market);
        step.Withdrawn.Add(after.At, last.At);
        for (var at = last.At; at > after.At - Micros.PerHour && at > last.At - Micros.PerDay; at -= Micros.PerHour)
        {
            NoteHour(at);
        }

        ProductionRows.Withdrawal(step[BookTable.Withdrawals], market, after, last);
    }

    private BookStep StepOf(int market) => _stepOf.Count > 0 && _stepOf.TryGetValue(market, out var step) ? _steps[step] : _steps[0];

    /// <summary>The step whose corrections the next one of the market belongs to; what comes of the market later belongs to the step behind.</summary>
    private BookStep Correct(int market)
    {
        var step = _stepOf.GetValueOrDefault(market);
        _stepOf[market] = step + 1;
        if (step + 1 == StepCount && ++StepCount > _steps.Count)
        {
            _steps.Add(new BookStep());
        }

        _steps[step].Corrected.Add(market);
        return _steps[step];
    }

    private string Names(uint gatherers) => string.Join(',', _gatherers.Where((_, gatherer) => (gatherers >> gatherer & 1) == 1).Order(StringComparer.Ordinal));

    // ---- the streams -------------------------------------------------------------------------------------------------------

    public void OnTrade(int market, long exchangeAt, long receivedAt, Message trade, bool isBackfilled)
    {
        Note(exchangeAt);
        ProductionRows.Trade(this[ProductionTable.Trades], market, exchangeAt, receivedAt, trade, isBackfilled);
    }

    public void OnTicker(int market, long exchangeAt, long receivedAt, Message ticker)
    {
        Note(exchangeAt);
        ProductionRows.Ticker(this[ProductionTable.Tickers], market, exchangeAt, receivedAt, ticker);
    }

    public void OnLifecycle(int market, long receivedAt, Message message, ReadOnlySpan<byte> payload)
    {
        Note(receivedAt);
        ProductionRows.Lifecycle(this[ProductionTable.LifecycleEvents], market, receivedAt, message, payload);
    }

    public void OnRejected(int gatherer, int market, long receivedAt, FrameType type, string reason, ReadOnlySpan<byte> frame)
    {
        Note(receivedAt);
        ProductionRows.Rejected(this[ProductionTable.RejectedFrames], gatherer, market, receivedAt, type, reason, frame);
    }

    public void OnObject(ObjectKind kind, int market, long receivedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin, bool isNewest)
    {
        switch (kind)
        {
            case ObjectKind.Market:
                RowEncoder.MarketValues(BeginChange(ProductionTable.MarketChanges, 13, isNewest), receivedAt, market, item, payload, origin);
                break;
            case ObjectKind.Event:
                RowEncoder.EventValues(BeginChange(ProductionTable.EventChanges, 9, isNewest), receivedAt, item, payload, origin);
                break;
            default:
                RowEncoder.SeriesValues(BeginChange(ProductionTable.SeriesChanges, 8, isNewest), receivedAt, item, payload);
                break;
        }
    }

    private CopyBuffer BeginChange(ProductionTable table, short fields, bool isNewest)
    {
        var to = this[table];
        to.BeginRow(fields);
        to.Int(_place++);
        to.Flag(isNewest);
        return to;
    }

    public void OnChannelCoverage(in ChannelCoverage coverage) => ProductionRows.Channel(this[ProductionTable.ChannelChanges], _place++, coverage);

    // ---- partitions --------------------------------------------------------------------------------------------------------

    private void Note(long at)
    {
        if ((ulong)(at - _hour) >= (ulong)Micros.PerHour)
        {
            NoteHour(at);
        }
    }

    private void NoteHour(long at)
    {
        _hour = at - (((at % Micros.PerHour) + Micros.PerHour) % Micros.PerHour);
        if (!_hours.Contains(_hour))
        {
            _hours.Add(_hour);
        }
    }
}

/// <summary>How far a gatherer's rows are in production, µs; 0 = nothing. `FirstRecordAt`: of its store, 0 = not known yet.</summary>
internal readonly record struct GathererPosition(long At, long FirstRecordAt);
