using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Registry;
using Kalshi.Daemon.Store;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Dedup;

/// <summary>
/// One gatherer's rows → calls to the merges, in order of position, with production's market ids and with whatever is wrong with them found.
/// <b>In</b>: the pieces of a <see cref="GathererSource"/>. <b>Out</b>: <see cref="IBookInput"/>, <see cref="IStreamInput"/>. <b>Thread</b>: one. <b>Bound</b>: one piece, the
/// markets' ids, the open epochs. Allocates nothing per row.
/// </summary>
/// <remarks>
/// At one position come: markets seen there first; epochs and coverage that the frame there showed to be over; the frame; what of its own epoch
/// ended with it; versions of objects; coverage of channels. A row that does not follow the one before it in its epoch is told behind
/// <see cref="IBookInput.OnBroken"/>; one that was there before is not told.
/// </remarks>
internal sealed class SourceRows(int gatherer, GathererSource source, ProductionMarkets markets, IBookInput books, IStreamInput streams, ILogger log)
{
    private const string BooksChannel = "orderbook_delta";
    private const string MissingRows = "rows of the epoch are missing in the gatherer's store";

    private readonly SourceEpochs _epochs = new();
    private readonly OpenGaps _gaps = new();
    private readonly Message _message = new();
    private readonly RegistryObject _item = new();
    private readonly List<(int Market, long EpochId, long CoveredTo)> _ownCoverage = [];

    /// <summary>By the store's market id: production's; 0 = not known.</summary>
    private int[] _markets = new int[1_024];

    /// <summary>Null when everything of it was told, which is up to `_toldTo` then.</summary>
    private SourcePiece? _piece;
    private long _toldTo;
    private int _end;

    /// <summary>Position of the next thing in the piece that is no delta.</summary>
    private long _nextOther = long.MaxValue;

    /// <summary>Up to here the books are not told: rows may be missing.</summary>
    private long _lostTo;
    private long _lastUnnumberedAt;
    private (long At, string Reason) _rejected;
    private long _saidAt;

    public SourceCounters Counters { get; } = new();

    public GathererSource Source => source;

    /// <summary>Everything up to here was told, µs.</summary>
    public long Position { get; private set; }

    /// <summary>first_record_at of the store that it was told from; 0: of none yet.</summary>
    public long FirstRecordAt { get; private set; }

    /// <summary>Position of the next row at hand; `long.MaxValue` when there is none.</summary>
    public long Next => _piece is null ? long.MaxValue : Math.Min(_piece.Range.Deltas.Key, _nextOther);

    /// <summary>
    /// Everything up to here is at hand or was told. A piece that came since <see cref="Refresh"/> counts only behind rows at hand, whose telling goes on with it: else the
    /// turn would pass by rows that it does not tell.
    /// </summary>
    public long Available
    {
        get
        {
            var own = Math.Max(Position, _piece?.Until ?? _toldTo);
            return Next == long.MaxValue ? own : source.ReadTo(own);
        }
    }

    /// <summary>Begins to read where <see cref="Position"/> is.</summary>
    public void Start(WakeSignal wake) => source.Start(FirstRecordAt, Position, wake);

    /// <summary>Goes on to the next piece while there is nothing left in this one.</summary>
    public void Refresh()
    {
        while (Next == long.MaxValue)
        {
            if (_piece is { } told)
            {
                (_piece, _toldTo) = (null, told.Until);
                source.Return(told);
            }

            if (source.TryTake() is not { } piece)
            {
                return;
            }

            Begin(piece);
        }
    }

    /// <summary>Tells everything at hand before a position, or up to the first place behind `most` rows where it can stop; returns how many that were.</summary>
    public int Tell(long before, int most)
    {
        var rows = Counters.Rows;
        while (Next is var at && at < before && Counters.Rows - rows < most)
        {
            if (_piece!.Range.Deltas.Key < _nextOther)
            {
                TellDeltas(_piece.Range.Deltas, Math.Min(before, _nextOther));
            }
            else
            {
                TellAt(_piece, at);
            }

            if (Next == long.MaxValue)
            {
                Refresh();
            }
        }

        return (int)(Counters.Rows - rows);
    }

    /// <summary>Everything up to the position has been told.</summary>
    public bool Pass(long position)
    {
        if (position <= Position)
        {
            return false;
        }

        Position = position;
        books.OnProgress(gatherer, position);
        streams.OnProgress(gatherer, position);
        return true;
    }

    public void WriteAll(StateWriter writer)
    {
        Write(writer);
        _epochs.WriteAll(writer);
    }

    public void WriteChanges(StateWriter writer)
    {
        Write(writer);
        _epochs.WriteChanges(writer);
    }

    public void ReadAll(StateReader reader)
    {
        Read(reader);
        _epochs.ReadAll(reader);
    }

    public void ReadChanges(StateReader reader)
    {
        Read(reader);
        _epochs.ReadChanges(reader);
    }

    private void Write(StateWriter writer)
    {
        writer.Write(FirstRecordAt);
        writer.Write(Position);
        writer.Write(_lostTo);
        writer.Write(Counters.LostMicros);
        _gaps.Write(writer);
    }

    private void Read(StateReader reader)
    {
        (FirstRecordAt, Position, _lostTo, Counters.LostMicros) = (reader.ReadInt64(), reader.ReadInt64(), reader.ReadInt64(), reader.ReadInt64());
        _gaps.Read(reader);
    }

    private void Begin(SourcePiece piece)
    {
        if (piece.IsReplacing)
        {
            books.OnReplaced(gatherer, Position);
            streams.OnReplaced(gatherer, Position);
            Array.Clear(_markets);
            _gaps.Clear();
        }

        if (FirstRecordAt != piece.FirstRecordAt)
        {
            (FirstRecordAt, Position, _lostTo, _lastUnnumberedAt) = (piece.FirstRecordAt, piece.After, 0, 0);
            _epochs.Restart(piece.After);
        }

        (_piece, _end) = (piece, 0);
        TellMarkets(piece, piece.After);
        if (piece.LostTo > _lostTo)
        {
            Lose(piece);
        }

        LookAhead(piece);
    }

    /// <summary>Retention dropped what had not been read.</summary>
    private void Lose(SourcePiece piece)
    {
        var from = Math.Max(piece.After, _lostTo);
        log.SourceRowsDropped(source.Name, Micros.Format(from), Micros.Format(piece.LostTo));
        Counters.LostMicros += piece.LostTo - from;
        _lostTo = piece.LostTo;
        foreach (var epochId in _epochs.Open)
        {
            books.OnBroken(gatherer, 0, epochId, piece.After, "retention dropped the gatherer's rows before dedup had read them");
        }

        _epochs.CutAt(_lostTo);
    }

    private void LookAhead(SourcePiece piece)
    {
        var next = Math.Min(Math.Min(piece.Range.NextButDeltas, piece.ExchangeIds.Key), Math.Min(piece.Markets.Key, piece.Channels.Key));
        _nextOther = _end < piece.Ends.Length ? Math.Min(next, piece.Ends[_end].At) : next;
    }

    /// <summary>Hot: all deltas before a position.</summary>
    private void TellDeltas(CopyRows rows, long before)
    {
        for (; rows.Key < before; rows.MoveNext())
        {
            var (epochId, seq, exchangeAt, delta) = (rows.Time(), rows.Int64(), rows.Time(Message.Absent), rows.Int64());
            var (id, price, side) = (rows.Int32(), rows.Int32(), RowMessages.SideOf(rows.Byte()));
            Counters.Deltas++;
            if (Follows(epochId, seq, rows.Key) && TryMarket(id, epochId, rows.Key, out var market))
            {
                books.OnChange(gatherer, market, epochId, new MarketChange(exchangeAt, rows.Key, side, price, delta));
            }
        }
    }

    private void TellAt(SourcePiece piece, long at)
    {
        TellMarkets(piece, at);
        TellExchangeIds(piece, at);
        if (piece.Range.Coverage.Key != at && (_end == piece.Ends.Length || piece.Ends[_end].At != at))
        {
            TellFrame(piece.Range, at);
        }
        else
        {
            TellEnds(piece, at, piece.Range.EpochAt(at));
        }

        TellObjects(piece.Range, at);
        for (; piece.Channels.Key == at; piece.Channels.MoveNext())
        {
            TellChannel(piece.Channels);
        }

        LookAhead(piece);
    }

    /// <summary>What is over at the position, around the frame there, which is of the epoch `own`.</summary>
    private void TellEnds(SourcePiece piece, long at, long own)
    {
        var first = _end;
        for (; _end < piece.Ends.Length && piece.Ends[_end].At == at; _end++)
        {
            if (piece.Ends[_end].EpochId != own)
            {
                EndEpoch(piece.Ends[_end]);
            }
        }

        var rows = piece.Range.Coverage;
        for (; rows.Key == at; rows.MoveNext())
        {
            if (TryReadCoverage(rows, out var ended) && ended.EpochId == own)
            {
                _ownCoverage.Add(ended);
            }
            else if (ended.Market != 0)
            {
                TellCoverage(ended, at);
            }
        }

        TellFrame(piece.Range, at);
        var ends = piece.Ends[first.._end];
        foreach (ref readonly var ended in ends)
        {
            if (ended.EpochId == own)
            {
                EndEpoch(ended);
            }
        }

        foreach (var ended in _ownCoverage)
        {
            TellCoverage(ended, at);
        }

        _ownCoverage.Clear();
        foreach (ref readonly var ended in ends)
        {
            _epochs.Forget(ended.EpochId);
        }
    }

    private void EndEpoch(in EndedEpoch ended)
    {
        if (!_epochs.End(ended) && ended.At > _lostTo)
        {
            OnMissing(ended.EpochId, ended.At, "its last rows");
        }
    }

    /// <summary>Reads the whole row; false when it is not the end of a book's coverage, `ended` is then empty.</summary>
    private bool TryReadCoverage(CopyRows rows, out (int Market, long EpochId, long CoveredTo) ended)
    {
        rows.Time();
        var (toAt, epochId) = (rows.Time(), rows.Time(0));
        rows.Int64(0);
        var id = rows.Int32();
        var isBook = rows.Bytes().SequenceEqual("orderbook_delta"u8);
        var isWhole = rows.Bytes().SequenceEqual("whole"u8);
        rows.Bytes();
        ended = default;
        if (isBook && isWhole && TryMarket(id, epochId, rows.Key, out var market))
        {
            ended = (market, epochId, toAt);
        }

        return ended.Market != 0;
    }

    private void TellCoverage(in (int Market, long EpochId, long CoveredTo) ended, long at) => books.OnCoverageEnded(
        gatherer, ended.Market, ended.EpochId, ended.CoveredTo, at, _epochs.EndReason(ended.EpochId) ?? (_rejected.At == at ? _rejected.Reason : "deleted"));

    private void TellFrame(StoreRange range, long at)
    {
        TellDeltas(range.Deltas, at + 1);
        for (; range.Tickers.Key == at; range.Tickers.MoveNext())
        {
            TellTicker(range.Tickers);
        }

        for (; range.Trades.Key == at; range.Trades.MoveNext())
        {
            TellTrade(range.Trades);
        }

        for (; range.Snapshots.Key == at; range.Snapshots.MoveNext())
        {
            TellSnapshot(range.Snapshots);
        }

        for (; range.Others.Key == at; range.Others.MoveNext())
        {
            TellOther(range.Others);
        }

        for (; range.Lifecycle.Key == at; range.Lifecycle.MoveNext())
        {
            TellLifecycle(range.Lifecycle);
        }

        for (; range.Rejected.Key == at; range.Rejected.MoveNext())
        {
            TellRejected(range.Rejected);
        }
    }

    private void TellSnapshot(CopyRows rows)
    {
        var (epochId, seq, id) = RowMessages.ReadSnapshot(rows, _message);
        Counters.Others++;
        if (Follows(epochId, seq, rows.Key) && TryMarket(id, epochId, rows.Key, out var market))
        {
            books.OnSnapshot(gatherer, market, epochId, rows.Key, _message.Yes, _message.No);
        }
    }

    private void TellTrade(CopyRows rows)
    {
        var (epochId, seq, id) = RowMessages.ReadTrade(rows, _message, out var isBackfilled);
        Counters.Others++;
        if ((isBackfilled || IsNew(epochId, seq, rows.Key)) && TryMarket(id, epochId, rows.Key, out var market))
        {
            streams.OnTrade(gatherer, market, rows.Key, _message, isBackfilled);
        }
    }

    private void TellTicker(CopyRows rows)
    {
        var id = RowMessages.ReadTicker(rows, _message);
        Counters.Others++;
        if (IsNew(0, 0, rows.Key) && TryMarket(id, 0, rows.Key, out var market))
        {
            streams.OnTicker(gatherer, market, rows.Key, _message);
        }
    }

    private void TellLifecycle(CopyRows rows)
    {
        var (epochId, seq, id) = RowMessages.ReadNumberedLifecycle(rows, _message, out var payload);
        Counters.Others++;
        var market = 0;
        if (IsNew(epochId, seq, rows.Key) && (id == 0 || TryMarket(id, epochId, rows.Key, out market)))
        {
            streams.OnLifecycle(gatherer, market, rows.Key, _message, payload);
        }
    }

    /// <summary>Nothing but a number: what has one and no row elsewhere, or a ticker that was numbered after all.</summary>
    private void TellOther(CopyRows rows)
    {
        var (epochId, seq) = (rows.Time(0), rows.Int64(0));
        rows.Int32();
        rows.Int32();
        rows.Bytes();
        Counters.Others++;
        if (epochId != 0)
        {
            Follows(epochId, seq, rows.Key);
        }
    }

    private void TellRejected(CopyRows rows)
    {
        var (epochId, seq) = (rows.Time(0), rows.Int64(0));
        var session = rows.Int32();
        rows.Int32();
        var id = rows.Int32(0);
        var type = FrameTypes.Find(rows.Bytes());
        var reason = string.Intern(Encoding.UTF8.GetString(rows.Bytes()));
        var frame = rows.Bytes();
        Counters.Others++;
        var market = 0;
        if ((session != 0 && !IsNew(epochId, seq, rows.Key)) || (id != 0 && !TryMarket(id, epochId, rows.Key, out market)))
        {
            return;
        }

        // A reply that cannot be read took a number, but nothing of a book.
        if (epochId != 0 && rows.Key > _lostTo && type is not (FrameType.Subscribed or FrameType.Ok or FrameType.Unsubscribed or FrameType.Error))
        {
            _rejected = (rows.Key, $"rejected: {reason}");
            books.OnBroken(gatherer, market, epochId, rows.Key, _rejected.Reason);
        }

        streams.OnRejected(gatherer, market, rows.Key, type, reason, frame);
    }

    private void TellObjects(StoreRange range, long at)
    {
        for (; range.Markets.Key == at; range.Markets.MoveNext())
        {
            var id = RowObjects.ReadMarket(range.Markets, _item);
            var origin = range.Markets.Bytes();
            var payload = range.Markets.Bytes();
            if (TryMarket(id, 0, at, out var market))
            {
                _item.Ticker.Set(markets.Ticker(market));
                TellObject(ObjectKind.Market, market, at, payload, origin);
            }
        }

        for (; range.Events.Key == at; range.Events.MoveNext())
        {
            RowObjects.ReadEvent(range.Events, _item);
            var origin = range.Events.Bytes();
            var payload = range.Events.Bytes();
            TellObject(ObjectKind.Event, 0, at, payload, origin);
        }

        for (; range.Series.Key == at; range.Series.MoveNext())
        {
            RowObjects.ReadSeries(range.Series, _item);
            TellObject(ObjectKind.Series, 0, at, range.Series.Bytes(), "rest"u8);
        }
    }

    private void TellObject(ObjectKind kind, int market, long at, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin)
    {
        Counters.Others++;
        streams.OnObject(gatherer, kind, market, at, _item, payload, origin);
    }

    private void TellChannel(CopyRows rows)
    {
        var (fromAt, toAt, epochId) = (rows.Time(), rows.Time(), rows.Time(0));
        var channel = string.Intern(Encoding.UTF8.GetString(rows.Bytes()));
        var state = StoreCoverage.StateOf(rows.Bytes());
        var coverage = new ChannelCoverage(gatherer, channel, fromAt, toAt, epochId, state, string.Intern(Encoding.UTF8.GetString(rows.Bytes())));
        if (channel == BooksChannel)
        {
            return;
        }

        if (_gaps.Follow(coverage) is { } empty)
        {
            streams.OnChannelCoverage(empty);
        }

        streams.OnChannelCoverage(coverage);
    }

    /// <summary>Markets first seen up to the position get their ids.</summary>
    private void TellMarkets(SourcePiece piece, long at)
    {
        for (var rows = piece.Markets; rows.Key <= at && rows.Key != long.MaxValue; rows.MoveNext())
        {
            var id = rows.Int32();
            var ticker = rows.Bytes();
            if (id >= _markets.Length)
            {
                Array.Resize(ref _markets, Math.Max(id + 1, _markets.Length * 2));
            }

            _markets[id] = markets.GetOrAdd(ticker, rows.Key);
        }
    }

    private void TellExchangeIds(SourcePiece piece, long at)
    {
        for (var rows = piece.ExchangeIds; rows.Key == at; rows.MoveNext())
        {
            var (market, exchangeId) = (MarketOf(rows.Int32()), new Guid(rows.Bytes(), bigEndian: true));
            if (market != 0)
            {
                markets.Identify(market, exchangeId);
            }
        }
    }

    /// <summary>Production's id of the store's market; 0 = not known.</summary>
    private int MarketOf(int id) => (uint)id < (uint)_markets.Length ? _markets[id] : 0;

    /// <summary>Production's id of the store's market; one that the store does not know breaks the epoch whose row names it.</summary>
    private bool TryMarket(int id, long epochId, long at, out int market)
    {
        market = MarketOf(id);
        return market != 0 || IsNoMarket(id, epochId, at);
    }

    private bool IsNoMarket(int id, long epochId, long at)
    {
        Counters.UnknownMarkets++;
        Say(at, $"a row of market {id}, which is not in kalshid.markets");
        if (epochId != 0)
        {
            books.OnBroken(gatherer, 0, epochId, at, "a row's market is not known to the gatherer's store");
        }

        return false;
    }

    /// <summary>Whether a row of the stream that is no change of a book was not there before; in a time that lacks rows, numbers say nothing.</summary>
    private bool IsNew(long epochId, long seq, long at)
    {
        if (epochId != 0)
        {
            return at <= _lostTo || Follows(epochId, seq, at);
        }

        var isNew = at > _lastUnnumberedAt;
        _lastUnnumberedAt = Math.Max(at, _lastUnnumberedAt);
        return isNew || IsDoubled(0, at);
    }

    /// <summary>Whether a numbered row is to be told: always, but for one that was there before and for those in a time that lacks rows.</summary>
    private bool Follows(long epochId, long seq, long at)
    {
        if (at <= _lostTo)
        {
            return false;
        }

        switch (_epochs.Next(epochId, seq, at, out var last))
        {
            case SequenceVerdict.Next:
                return true;
            case SequenceVerdict.Doubled:
                return IsDoubled(epochId, at);
            default:
                OnMissing(epochId, at, last == 0 ? "its first rows" : $"rows {last + 1} to {seq - 1}");
                return true;
        }
    }

    private void OnMissing(long epochId, long at, string what)
    {
        Counters.Missing++;
        Say(at, $"{what} of epoch {Micros.Format(epochId)} are missing");
        books.OnBroken(gatherer, 0, epochId, at, MissingRows);
    }

    private bool IsDoubled(long epochId, long at)
    {
        Counters.Doubled++;
        Say(at, "a row is there twice");
        if (epochId != 0)
        {
            books.OnBroken(gatherer, 0, epochId, at, "a row is in the gatherer's store twice");
        }

        return false;
    }

    /// <summary>At most once a minute of rows; the counters have the rest.</summary>
    private void Say(long at, string what)
    {
        if (Math.Abs(at - _saidAt) >= Micros.PerMinute)
        {
            _saidAt = at;
            log.SourceRowsWrong(source.Name, Micros.Format(at), what, Counters.Missing, Counters.Doubled, Counters.UnknownMarkets);
        }
    }
}
