using System.Collections;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Registry;

namespace Kalshi.Daemon.Store;

/// <summary>
/// Journal records → rows of a <see cref="StoreBatch"/>. Rows depend on the records alone, never on where a batch or a process ends,
/// so that a store that is loaded again holds the same.
/// <b>In</b>: records and damages in journal order. <b>Out</b>: the current batch. <b>Thread</b>: one. <b>Bound</b>: as <see cref="Replay"/>,
/// <see cref="TradeWindow"/> and <see cref="ObjectVersions"/>; all three are what <see cref="Save"/> keeps. Allocates nothing per frame.
/// </summary>
internal sealed class BatchBuilder : IReplaySink
{
    private const int StateVersion = 1;

    private readonly Replay _replay;
    private readonly TradeWindow _window;
    private readonly ObjectVersions _versions = new();
    private readonly RegistryPages _registry;
    private readonly BatchChanges _changes = new();

    /// <summary>Markets whose exchange id is stored, by market id.</summary>
    private readonly BitArray _hasExchangeId = new(1_024);

    /// <summary>Markets that have a row.</summary>
    private int _markets;

    /// <summary>Stamp of the record that tells what is being told.</summary>
    private long _at;

    private StoreBatch _batch = null!;

    private BatchBuilder(Func<BatchBuilder, Replay> replay, Func<long, HashSet<UInt128>> tradeIdsSince)
    {
        _window = new TradeWindow(tradeIdsSince);
        _registry = new RegistryPages(_versions, OnObject);
        _replay = replay(this);
    }

    public BatchBuilder(Func<long, HashSet<UInt128>> tradeIdsSince)
        : this(builder => new Replay(builder), tradeIdsSince)
    {
    }

    /// <summary>Position of the last record fed.</summary>
    public long Position => _replay.Position;

    /// <summary>Market ids given so far: 1 … this.</summary>
    public int Markets => _markets;

    /// <summary>What a saved state says. Throws <see cref="InvalidDataException"/> or <see cref="EndOfStreamException"/> when it is none of this version.</summary>
    public static BatchBuilder Load(Stream state, Func<long, HashSet<UInt128>> tradeIdsSince)
    {
        var builder = new BatchBuilder(builder => Replay.Load(state, builder), tradeIdsSince);
        using var reader = new StateReader(state);
        if (reader.ReadInt32() is var version && version != StateVersion)
        {
            throw new InvalidDataException($"The store's loader state has version {version}, this kalshid reads {StateVersion}.");
        }

        builder._markets = reader.ReadInt32();
        var bits = reader.ReadBytes(reader.ReadInt32());
        builder._hasExchangeId.Length = bits.Length * 8;
        builder._hasExchangeId.Or(new BitArray(bits));
        builder._window.Load(reader);
        builder._versions.Load(reader);
        return builder;
    }

    public void Save(Stream state)
    {
        _replay.Save(state);
        using var writer = new StateWriter(state);
        writer.Write(StateVersion);
        writer.Write(_markets);
        var bits = new byte[(_hasExchangeId.Length + 7) / 8];
        _hasExchangeId.CopyTo(bits, 0);
        writer.Write(bits.Length);
        writer.Write(bits);
        _window.Save(writer, withPlaces: true);
        _versions.Save(writer);
    }

    /// <summary>The next records' rows go into this batch, which follows `after`.</summary>
    public void Begin(StoreBatch batch, long after)
    {
        _batch = batch;
        _batch.Begin(after);
    }

    public void Feed(in JournalRecord record)
    {
        if (_batch.Records++ == 0)
        {
            _batch.FirstAt = record.ReceivedAt;
        }

        var hour = HourOf(record.ReceivedAt);
        if (_batch.Hours is not [.., var last] || last != hour)
        {
            OnHour(hour, record.ReceivedAt);
        }

        if (record.Kind == RecordKind.ProcessStopped)
        {
            _batch.StoppedAt = record.ReceivedAt;
        }

        _at = record.ReceivedAt;
        _replay.Feed(record);
        AddMarkets();
        _batch.Through = record.ReceivedAt;
    }

    private static long HourOf(long at) => at - (at % Micros.PerHour);

    /// <summary>The batch's first record of an hour, and perhaps the journal's.</summary>
    private void OnHour(long hour, long at)
    {
        _batch.Hours.Add(hour);
        if (HourOf(Position) != hour)
        {
            var to = _batch[StoreTable.JournalHours];
            to.BeginRow(1);
            to.Time(at);
        }
    }

    /// <summary>What lay before the record stamped `nextAt`, which comes next and belongs to the same batch.</summary>
    public void Feed(in Damage damage, long nextAt)
    {
        _at = nextAt;
        _replay.Feed(damage);
    }

    /// <summary>Completes the batch. `withOpenEpochs`: also how far the epochs under way have come.</summary>
    public void End(bool withOpenEpochs)
    {
        if (withOpenEpochs)
        {
            foreach (var epoch in _replay.OpenEpochs)
            {
                _changes.Epoch(epoch, Position);
            }
        }

        _changes.MoveTo(_batch);
    }

    /// <summary>Forgets the batch's rows, which are in the store already.</summary>
    public void Discard()
    {
        _changes.Clear();
        _batch.Begin(Position);
    }

    public void OnRow(in RowOrigin origin, Message message, ReadOnlySpan<byte> frame)
    {
        if (message.Type == FrameType.OrderbookDelta)
        {
            var market = MarketOf(message);
            RowEncoder.Delta(_batch[StoreTable.Deltas], origin, message, market);
        }
        else
        {
            OnOtherRow(origin, message, frame);
        }
    }

    private void OnOtherRow(in RowOrigin origin, Message message, ReadOnlySpan<byte> frame)
    {
        switch (message.Type)
        {
            case FrameType.OrderbookSnapshot:
                RowEncoder.Snapshot(_batch[StoreTable.Snapshots], origin, message, MarketOf(message));
                break;
            case FrameType.Trade:
                OnStreamTrade(origin, message);
                break;
            case FrameType.Ticker:
                RowEncoder.Ticker(_batch[StoreTable.Tickers], origin, message, MarketOf(message));
                if (origin.EpochId != 0)
                {
                    // The exchange numbers no tickers; should it begin to, the number needs a row that shows it.
                    RowEncoder.OtherFrame(_batch[StoreTable.OtherFrames], origin, FrameTypes.Name(FrameType.Ticker));
                }

                break;
            default:
                Checks.That(FrameTypes.IsLifecycle(message.Type), "The replay reports no rows but those of the tables.");
                OnLifecycle(origin, message, frame);
                break;
        }
    }

    private void OnStreamTrade(in RowOrigin origin, Message message)
    {
        switch (_window.Stream(message.TradeId, message.ExchangeAt, out var place))
        {
            case TradeVerdict.Duplicate:
                RowEncoder.OtherFrame(_batch[StoreTable.OtherFrames], origin, FrameTypes.Name(FrameType.Trade));
                return;
            case TradeVerdict.Replaces:
                var replaced = _batch[StoreTable.ReplacedTrades];
                replaced.BeginRow(2);
                replaced.Time(place);
                _batch.NoteReplaced(place);
                replaced.Text(message.TradeId);
                break;
        }

        RowEncoder.Trade(_batch[StoreTable.Trades], origin, message, MarketOf(message), isBackfill: false);
    }

    public void OnBackfilledTrade(in RowOrigin origin, Message message)
    {
        if (_window.Backfill(message.TradeId, message.ExchangeAt, origin.ReceivedAt) == TradeVerdict.New)
        {
            RowEncoder.Trade(_batch[StoreTable.Trades], origin, message, MarketOf(message), isBackfill: true);
        }
    }

    private void OnLifecycle(in RowOrigin origin, Message message, ReadOnlySpan<byte> frame)
    {
        var market = message.Ticker.IsEmpty ? 0 : MarketOf(message);
        RowEncoder.Lifecycle(_batch[StoreTable.LifecycleEvents], origin, message, market, frame);
        if (message.Type != FrameType.EventFeeUpdate)
        {
            var payload = frame.Slice(message.Payload.Start, message.Payload.Length);
            _registry.ReadLifecycle(origin.ReceivedAt, payload, isMarket: message.Type != FrameType.EventLifecycle);
        }
    }

    public void OnRejected(in RowOrigin origin, Message message, string reason, ReadOnlySpan<byte> frame)
    {
        var market = message.Ticker.IsEmpty ? 0 : MarketOf(message);
        RowEncoder.Rejected(_batch[StoreTable.RejectedFrames], origin, message.Type, market, reason, frame);
    }

    public void OnUnknown(in RowOrigin origin, ReadOnlySpan<byte> frame) =>
        RowEncoder.OtherFrame(_batch[StoreTable.OtherFrames], origin, RowEncoder.TypeOf(frame));

    public void OnNumberedReply(in RowOrigin origin, Message message) =>
        RowEncoder.OtherFrame(_batch[StoreTable.OtherFrames], origin, FrameTypes.Name(message.Type));

    public void OnEpochBegan(Epoch epoch) => _changes.Epoch(epoch, _at);

    public void OnEpoch(Epoch epoch) => _changes.Epoch(epoch, _at);

    public void OnCoverageChanged(in Coverage coverage) => _changes.Coverage(coverage, MarketOf(coverage.Market), _at);

    public void OnCoverage(in Coverage coverage)
    {
        // The rest was told by OnCoverageChanged.
        if (coverage.State == CoverageState.Repaired)
        {
            _changes.Coverage(coverage, MarketOf(coverage.Market), _at);
        }
    }

    public void OnSessionOpened(long receivedAt, int session, SessionOpened? opened)
    {
        var to = _batch[StoreTable.Sessions];
        to.BeginRow(4);
        to.Time(receivedAt);
        to.Int(session);
        to.Text(opened?.Purpose ?? "");
        to.Text(opened?.Url ?? "");
    }

    public void OnSessionClosed(long receivedAt, int session, string reason)
    {
        var to = _batch[StoreTable.SessionEnds];
        to.BeginRow(3);
        to.Int(session);
        to.Time(receivedAt);
        to.Text(reason);
    }

    public void OnRestPage(long receivedAt, RestPage page, ReadOnlySpan<byte> body)
    {
        if (page.Purpose == "registry" && page.Status == 200)
        {
            _registry.Read(receivedAt, body);
        }
    }

    private void OnObject(ObjectKind kind, long receivedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin)
    {
        switch (kind)
        {
            case ObjectKind.Market:
                OnMarket(receivedAt, item, payload, origin);
                break;
            case ObjectKind.Event:
                RowEncoder.Event(_batch[StoreTable.EventHistory], receivedAt, item, payload, origin);
                break;
            default:
                RowEncoder.Series(_batch[StoreTable.SeriesHistory], receivedAt, item, payload);
                break;
        }
    }

    /// <summary>A market that is new is written with all it has: the exchange lists a million, and changing rows just written costs far more.</summary>
    private void OnMarket(long receivedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin)
    {
        AddMarkets();
        var id = _replay.Tickers.GetOrAdd(item.Ticker.Span) + 1;
        if (id > _markets)
        {
            RowEncoder.NewMarket(_batch[StoreTable.Markets], id, item, receivedAt, origin.SequenceEqual("rest"u8) ? payload : default);
            _markets++;
        }
        else
        {
            var to = _batch[StoreTable.ChangedMarkets];
            to.BeginRow(1);
            to.Int(id);
        }

        RowEncoder.Market(_batch[StoreTable.MarketHistory], receivedAt, id, item, payload, origin);
    }

    /// <summary>The id of the message's market; notes the exchange's own id when it is told for the first time.</summary>
    private int MarketOf(Message message)
    {
        var id = _replay.Tickers.GetOrAdd(message.Ticker) + 1;
        if (message.MarketId != Guid.Empty && !HasExchangeId(id))
        {
            _hasExchangeId[id] = true;
            var to = _batch[StoreTable.ExchangeIds];
            to.BeginRow(3);
            to.Time(_at);
            to.Int(id);
            to.Uuid(message.MarketId);
        }

        return id;
    }

    private bool HasExchangeId(int id)
    {
        if (id >= _hasExchangeId.Length)
        {
            _hasExchangeId.Length = id * 2;
        }

        return _hasExchangeId[id];
    }

    /// <summary>0 for a whole channel.</summary>
    private static int MarketOf(CoveredMarket market) => market.Id + 1;

    /// <summary>
    /// Ids are those of the replay's tickers, from 1. Each ticker met that has no row yet gets one, whoever met it: the replay meets some
    /// in commands, of which no other row tells.
    /// </summary>
    private void AddMarkets()
    {
        while (_markets < _replay.Tickers.Count)
        {
            RowEncoder.NewMarket(_batch[StoreTable.Markets], _markets + 1, _replay.Tickers.Bytes(_markets), _at);
            _markets++;
        }
    }
}
