using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Journal;

namespace Kalshi.Daemon.Books;

/// <summary>
/// Journal records → rows with epochs, coverage and gaps: the one place that knows what a frame means in its stream. The
/// same records always give the same rows.
/// <b>In</b>: records and damages in journal order. <b>Out</b>: an <see cref="IReplaySink"/>. <b>Thread</b>: one.
/// <b>Bound</b>: about 100 bytes a market. Allocates nothing per frame once tickers, sessions and sids are known.
/// </summary>
/// <remarks>
/// An epoch begins with a sid's first numbered frame and with the frame that shows a gap; it ends as this table says:
/// <code>
///   record                              epochs ended           reason
///   frame whose seq is not the next     its sid's              gap: seq 5 expected, 9 received
///   error 25 or 10 on a sid             its sid's              error 25: text
///   unsubscribed                        its sid's              unsubscribed
///   SessionClosed                       the session's          session closed: text
///   ProcessStarted, ProcessStopped      all                    process ended, process stopped: text
///   damage                              all                    journal damage
/// </code>
/// Coverage of a market opens with its snapshot and ends with the epoch, with a frame of that market that was rejected (of
/// all the sid's markets when its ticker was unreadable), or when the `ok` to delete_markets comes (then at the time the command
/// was sent). Another snapshot of a covered market changes nothing; one that is empty is how the exchange closes a market.
/// </remarks>
internal sealed partial class Replay
{
    private const string BackfillPurpose = "trades_backfill";

    private readonly IReplaySink _sink;
    private readonly FrameDecoder _decoder = new();
    private readonly Dictionary<int, ReplaySession> _sessions = [];
    private readonly CoverageLedger _books;
    private readonly TradeBackfills _backfills;

    /// <summary>By channel, for those subscribed for all markets.</summary>
    private readonly SortedDictionary<string, CoverageLedger> _channels = new(StringComparer.Ordinal);
    private ReplaySession? _latest;

    /// <summary>The flag of the last orderbook subscribe of any session: a gatherer never changes it. True is what gather sends.</summary>
    private bool _useYesPrice = true;

    public Replay(IReplaySink sink)
    {
        _sink = sink;
        _backfills = new TradeBackfills(sink.OnCoverage);
        _books = new CoverageLedger("orderbook_delta", Tickers, EarliestCover, sink.OnCoverage, sink.OnCoverageChanged);
    }

    /// <summary>Tickers seen in snapshots, rejected frames and delete_markets commands.</summary>
    public TickerTable Tickers { get; } = new();

    /// <summary>received_at of the last record fed: the cursor that belongs to a saved state.</summary>
    public long Position { get; private set; }

    /// <summary>Records of a kind this version does not know; none in a journal of its own.</summary>
    public long UnknownRecords { get; private set; }

    /// <summary>Epochs under way, in order of session and sid.</summary>
    public IEnumerable<Epoch> OpenEpochs =>
        _sessions.Values.OrderBy(session => session.Number).SelectMany(session => session.Sids).Select(sid => sid.Epoch).OfType<Epoch>();

    /// <summary>Feeds the next record; records must come in journal order.</summary>
    public void Feed(in JournalRecord record)
    {
        Position = record.ReceivedAt;
        if (record.Kind == RecordKind.Frame)
        {
            FeedFrame(record);
        }
        else
        {
            FeedOther(record);
        }
    }

    /// <summary>A damaged range was skipped before the next record: every open epoch ends, their markets have a gap.</summary>
    public void Feed(in Damage damage)
    {
        EndAll("journal damage");
        _backfills.OnBreak();
    }

    /// <summary>Reports what is still open. The replay may be fed further afterwards.</summary>
    public void Finish()
    {
        foreach (var sid in _sessions.Values.OrderBy(session => session.Number).SelectMany(session => session.Sids))
        {
            if (sid.Epoch is not null)
            {
                LedgerOf(sid)?.ReportOpen(sid);
                _sink.OnEpoch(sid.Epoch);
            }
        }

        _books.ReportOpenGaps();
        foreach (var ledger in _channels.Values)
        {
            ledger.ReportOpenGaps();
        }

        _backfills.Report();
    }

    private void FeedFrame(in JournalRecord record)
    {
        var session = SessionOf(record.Session);
        var message = _decoder.Message;
        var useYesPrice = session.UseYesPrice ?? _useYesPrice;
        var verdict = _decoder.Decode(record.Bytes, useYesPrice);
        if (message.Sid <= 0 || message.Seq <= 0 || message.Sid > SequenceTracker.SidMax)
        {
            FeedUnnumbered(record, session, verdict);
            return;
        }

        var sid = session.GetOrAdd(message.Sid);
        if (sid.UseYesPrice is { } own && own != useYesPrice && sid.Kind == ChannelKind.Book)
        {
            verdict = _decoder.Decode(record.Bytes, own);
        }

        var sequence = session.Sequence.Observe(sid.Number, message.Seq, out var expected);
        var epoch = sid.Epoch;
        if (sequence == SequenceVerdict.Dense && epoch is not null)
        {
            epoch.LastSeq = message.Seq;
        }
        else
        {
            epoch = BeginEpoch(sid, session, record.ReceivedAt, sequence, expected);
        }

        var origin = new RowOrigin(record.ReceivedAt, session.Number, sid.Number, epoch.EpochId, message.Seq);
        switch (verdict)
        {
            case DecodeVerdict.Decoded: OnDecoded(origin, sid, epoch, record.Bytes); break;
            case DecodeVerdict.Unknown: OnUnknown(origin, sid, epoch, record.Bytes); break;
            default: OnRejected(origin, sid, epoch, record.Bytes); break;
        }

        epoch.ToAt = record.ReceivedAt;
        if (verdict == DecodeVerdict.Decoded && IsReply(message.Type))
        {
            OnReply(session, sid, record.ReceivedAt);
        }
    }

    /// <summary>Until it returns, `epoch.ToAt` is the stamp of the frame before: what coverage that ends here is certain of.</summary>
    private void OnDecoded(in RowOrigin origin, ReplaySid sid, Epoch epoch, ReadOnlySpan<byte> frame)
    {
        var message = _decoder.Message;
        switch (message.Type)
        {
            case FrameType.OrderbookDelta:
                epoch.Deltas++;
                break;
            case FrameType.OrderbookSnapshot:
                epoch.Snapshots++;
                OnSnapshot(origin, sid, epoch);
                break;
            case FrameType.Trade:
                epoch.Trades++;
                CoverChannel(origin, sid, epoch);
                _backfills.OnTrade(message.ExchangeAt);
                break;
            case FrameType.Ticker:
                // Numbered after all: a row, and a number that is accounted for.
                epoch.Unknown++;
                break;
            case var type when FrameTypes.IsLifecycle(type):
                epoch.Lifecycle++;
                CoverChannel(origin, sid, epoch);
                break;
            default:
                epoch.Acks++;
                CoverChannel(origin, sid, epoch);
                _sink.OnNumberedReply(origin, message);
                return;
        }

        _sink.OnRow(origin, message, frame);
    }

    private void OnSnapshot(in RowOrigin origin, ReplaySid sid, Epoch epoch)
    {
        Infer(sid, epoch, "orderbook_delta");
        if (sid.Kind == ChannelKind.Book)
        {
            _books.Open(sid, Tickers.GetOrAdd(_decoder.Message.Ticker), origin.ReceivedAt, origin.Seq);
        }
    }

    /// <summary>A numbered frame of a global channel: coverage opens, from the `subscribed` reply when the epoch begins with seq 1.</summary>
    private void CoverChannel(in RowOrigin origin, ReplaySid sid, Epoch epoch)
    {
        if (sid.Covers.Count > 0)
        {
            return;
        }

        Infer(sid, epoch, _decoder.Message.Type switch
        {
            FrameType.Trade => "trade",
            FrameType.MultivariateLifecycle => "multivariate_market_lifecycle",
            var type when FrameTypes.IsLifecycle(type) => "market_lifecycle_v2",
            _ => null,
        });
        if (sid is { Kind: ChannelKind.Stream, IsGlobal: true })
        {
            var isFromStart = origin.Seq == 1 && sid.SubscribedAt > 0;
            LedgerOf(sid)!.Open(sid, 0, isFromStart ? sid.SubscribedAt : origin.ReceivedAt, origin.Seq);
        }
    }

    private void OnUnknown(in RowOrigin origin, ReplaySid sid, Epoch epoch, ReadOnlySpan<byte> frame)
    {
        epoch.Unknown++;
        CoverChannel(origin, sid, epoch);
        _sink.OnUnknown(origin, frame);
    }

    private void OnRejected(in RowOrigin origin, ReplaySid sid, Epoch epoch, ReadOnlySpan<byte> frame)
    {
        epoch.Rejected++;
        var message = _decoder.Message;
        var reason = _decoder.Reason;
        _sink.OnRejected(origin, message, reason, frame);
        if (IsReply(message.Type) || LedgerOf(sid) is not { } ledger)
        {
            return;
        }

        var because = $"rejected: {reason}";
        if (sid.Kind == ChannelKind.Book && !message.Ticker.IsEmpty)
        {
            ledger.Close(sid, Tickers.GetOrAdd(message.Ticker), epoch.ToAt, because);
        }
        else
        {
            ledger.CloseAll(sid, epoch.ToAt, because);
        }
    }

    /// <summary>Frames outside any sequence: tickers, `subscribed`, errors without a sid, bytes that are no frame.</summary>
    private void FeedUnnumbered(in JournalRecord record, ReplaySession session, DecodeVerdict verdict)
    {
        var message = _decoder.Message;
        var origin = new RowOrigin(record.ReceivedAt, session.Number, message.Sid, 0, 0);
        if (verdict == DecodeVerdict.Rejected)
        {
            _sink.OnRejected(origin, message, _decoder.Reason, record.Bytes);
        }
        else if (verdict == DecodeVerdict.Unknown)
        {
            _sink.OnUnknown(origin, record.Bytes);
        }
        else if (!IsReply(message.Type))
        {
            _sink.OnRow(origin, message, record.Bytes);
        }
        else
        {
            OnReply(session, session.Find(message.Sid), record.ReceivedAt);
        }
    }

    private void OnReply(ReplaySession session, ReplaySid? sid, long receivedAt)
    {
        var message = _decoder.Message;
        session.Pending.Remove(message.Id, out var command);
        switch (message.Type)
        {
            case FrameType.Subscribed when message.Sid is > 0 and <= SequenceTracker.SidMax:
                OnSubscribed(session, session.GetOrAdd(message.Sid), command, receivedAt);
                // One command may subscribe several channels; each has its own reply with the same id.
                if (command is not null)
                {
                    session.Pending[message.Id] = command;
                }

                break;
            case FrameType.Ok when command?.Deleted is { } deleted && sid is { Kind: ChannelKind.Book, Epoch: not null }:
                foreach (var id in deleted)
                {
                    _books.Drop(sid, id, command.SentAt, "deleted");
                }

                break;
            case FrameType.Unsubscribed when sid is not null:
                EndEpoch(sid, "unsubscribed");
                break;
            case FrameType.Error when message.ErrorCode is 25 or 10:
                OnTerminalError(session, sid);
                break;
        }
    }

    private void OnSubscribed(ReplaySession session, ReplaySid sid, PendingCommand? command, long receivedAt)
    {
        sid.SetChannel(Encoding.UTF8.GetString(_decoder.Message.Channel));
        sid.SubscribedAt = receivedAt;
        sid.UseYesPrice = command?.UseYesPrice ?? session.UseYesPrice;
        sid.IsGlobal = command?.IsGlobal ?? true;
        if (sid.Epoch is { } epoch)
        {
            epoch.Channel = sid.Channel;
        }
    }

    /// <summary>10 and 25 end a sid. A 25 that names none might mean any sid of the session; a 10 that names none answers a command.</summary>
    private void OnTerminalError(ReplaySession session, ReplaySid? sid)
    {
        var message = _decoder.Message;
        var reason = $"error {message.ErrorCode}: {Encoding.UTF8.GetString(message.ErrorText)}";
        if (sid is not null)
        {
            EndEpoch(sid, reason);
        }
        else if (message.ErrorCode == 25)
        {
            EndSession(session, reason);
        }
    }

    private Epoch BeginEpoch(ReplaySid sid, ReplaySession session, long receivedAt, SequenceVerdict sequence, long expected)
    {
        var seq = _decoder.Message.Seq;
        if (sequence == SequenceVerdict.Gap)
        {
            EndEpoch(sid, $"gap: seq {expected} expected, {seq} received");
        }

        sid.Epoch = new Epoch
        {
            EpochId = receivedAt,
            Session = session.Number,
            Sid = sid.Number,
            Channel = sid.Channel,
            FirstSeq = seq,
            LastSeq = seq,
            FromAt = receivedAt,
            ToAt = receivedAt,
        };
        _sink.OnEpochBegan(sid.Epoch);
        return sid.Epoch;
    }

    private void EndEpoch(ReplaySid sid, string reason)
    {
        if (sid.Epoch is not { } epoch)
        {
            return;
        }

        epoch.EndReason = reason;
        LedgerOf(sid)?.CloseAll(sid, epoch.ToAt, reason);
        _sink.OnEpoch(epoch);
        sid.Epoch = null;
    }

    private void EndSession(ReplaySession session, string reason)
    {
        foreach (var sid in session.Sids)
        {
            EndEpoch(sid, reason);
        }
    }

    private void EndAll(string reason)
    {
        foreach (var session in _sessions.Values.OrderBy(session => session.Number))
        {
            EndSession(session, reason);
        }
    }

    private void CloseSession(int number, long receivedAt, string reason)
    {
        EndSession(SessionOf(number), reason);
        _sink.OnSessionClosed(receivedAt, number, reason);
        _sessions.Remove(number);
        _latest = null;
    }

    private void Forget(long receivedAt, string reason)
    {
        foreach (var number in _sessions.Keys.Order().ToArray())
        {
            CloseSession(number, receivedAt, reason);
        }

        _backfills.OnBreak();
    }

    private static bool IsReply(FrameType type) => type is FrameType.Subscribed or FrameType.Ok or FrameType.Unsubscribed or FrameType.Error;

    /// <summary>A sid whose `subscribed` reply was not seen shows its channel by its frames.</summary>
    private static void Infer(ReplaySid sid, Epoch epoch, string? channel)
    {
        if (sid.Kind == ChannelKind.Unknown && channel is not null)
        {
            sid.SetChannel(channel);
            epoch.Channel = channel;
        }
    }

    private ReplaySession SessionOf(int number)
    {
        if (_latest?.Number == number)
        {
            return _latest;
        }

        if (!_sessions.TryGetValue(number, out var session))
        {
            _sessions.Add(number, session = new ReplaySession(number));
        }

        return _latest = session;
    }

    /// <summary>Where the sid's coverage is kept; null for sids that have none.</summary>
    private CoverageLedger? LedgerOf(ReplaySid sid) => sid.Kind switch
    {
        ChannelKind.Book => _books,
        ChannelKind.Stream => ChannelLedger(sid.Channel),
        _ => null,
    };

    private CoverageLedger ChannelLedger(string channel)
    {
        if (!_channels.TryGetValue(channel, out var ledger))
        {
            ledger = new CoverageLedger(channel, null, EarliestCover, channel == "trade" ? _backfills.OnCoverage : _sink.OnCoverage, _sink.OnCoverageChanged);
            _channels.Add(channel, ledger);
        }

        return ledger;
    }

    private long EarliestCover(CoverageLedger ledger, int id)
    {
        var earliest = long.MaxValue;
        foreach (var sid in _sessions.Values.SelectMany(session => session.Sids))
        {
            if (sid.Covers.TryGetValue(id, out var cover) && LedgerOf(sid) == ledger)
            {
                earliest = Math.Min(earliest, cover.FromAt);
            }
        }

        return earliest;
    }

    private void FeedOther(in JournalRecord record)
    {
        switch (record.Kind)
        {
            case RecordKind.Command:
                OnCommand(record);
                break;
            case RecordKind.SessionOpened:
                SessionOf(record.Session);
                _sink.OnSessionOpened(record.ReceivedAt, record.Session, Parse(record.Bytes, SessionRecordsJson.Default.SessionOpened));
                break;
            case RecordKind.SessionClosed:
                CloseSession(record.Session, record.ReceivedAt, $"session closed: {Parse(record.Bytes, SessionRecordsJson.Default.SessionClosed)?.Reason}");
                break;
            case RecordKind.GapSeen:
                // What capture saw at the socket; the frame after it shows the same, and that is what counts here.
                break;
            case RecordKind.RestPage:
                OnRestPage(record);
                break;
            case RecordKind.ProcessStarted:
                Forget(record.ReceivedAt, "process ended");
                break;
            case RecordKind.ProcessStopped:
                Forget(record.ReceivedAt, $"process stopped: {Parse(record.Bytes, SessionRecordsJson.Default.ProcessStopped)?.Reason}");
                break;
            default:
                UnknownRecords++;
                break;
        }
    }

    private void OnCommand(in JournalRecord record)
    {
        if (!CommandReader.TryRead(record.Bytes, record.ReceivedAt, Tickers, out var id, out var isBook, out var command))
        {
            return;
        }

        var session = SessionOf(record.Session);
        if (isBook && command.UseYesPrice is { } flag)
        {
            session.UseYesPrice = flag;
            _useYesPrice = flag;
        }

        session.Remember(id, command);
    }

    private void OnRestPage(in JournalRecord record)
    {
        if (!TryReadPage(record.Bytes, out var page, out var body))
        {
            UnknownRecords++;
            return;
        }

        if (page.Purpose != BackfillPurpose)
        {
            _sink.OnRestPage(record.ReceivedAt, page, body);
            return;
        }

        var isReadable = page.Status == 200 && ReadBackfill(new RowOrigin(record.ReceivedAt, record.Session, 0, 0, 0), body);
        _backfills.OnPage(page, record.ReceivedAt, isReadable);
    }

    private static bool TryReadPage(ReadOnlySpan<byte> record, [NotNullWhen(true)] out RestPage? page, out ReadOnlySpan<byte> body)
    {
        var line = record.IndexOf((byte)'\n');
        page = line < 0 ? null : Parse(record[..line], SessionRecordsJson.Default.RestPage);
        body = record[(line + 1)..];
        return page is not null;
    }

    /// <summary>The payload, or null when it is not what the kind promises: the record still marks what happened.</summary>
    private static T? Parse<T>(ReadOnlySpan<byte> json, JsonTypeInfo<T> type) where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(json, type);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
