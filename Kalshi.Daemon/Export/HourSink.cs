using System.Runtime.CompilerServices;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Export.Parquet;
using Kalshi.Daemon.Export.Tables;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Registry;

namespace Kalshi.Daemon.Export;

/// <summary>
/// What the replay of a journal or a store finds in one hour, as table rows and as the certificate's numbers.
/// <b>In</b>: the replay's calls, in journal order. <b>Out</b>: parts, through <see cref="PartFull"/> while the hour lasts.
/// <b>Thread</b>: one. <b>Bound</b>: the tables' part limits; tickers of the hour; marks of open epochs.
/// </summary>
internal sealed class HourSink : IReplaySink
{
    private readonly Symbols _symbols = new();
    private readonly Deltas _deltas;
    private readonly Snapshots _snapshots;
    private readonly Trades _trades;
    private readonly Tables.Tickers _tickers;
    private readonly LifecycleEvents _lifecycle;
    private readonly Markets _markets;
    private readonly Events _events;
    private readonly Series _series;
    private readonly CoverageIntervals _coverage;
    private readonly Epochs _epochs;
    private readonly RejectedFrames _rejected;
    private readonly TradeWindow _window;
    private readonly ObjectVersions _versions;
    private readonly RegistryPages _registry;
    private readonly Dictionary<long, EpochMark> _marks = [];
    private readonly Dictionary<long, long> _duplicates = [];
    private Hour _hour;
    private HourTally _tally = new();

    /// <summary>End of the hour's time that was seen: what open coverage is cut at.</summary>
    private long _seenTo;

    public HourSink(TradeWindow window, ObjectVersions versions)
    {
        _window = window;
        _deltas = new Deltas(_symbols);
        _snapshots = new Snapshots(_symbols);
        _trades = new Trades(_symbols);
        _tickers = new Tables.Tickers(_symbols);
        _lifecycle = new LifecycleEvents(_symbols);
        _markets = new Markets(_symbols);
        _events = new Events(_symbols);
        _series = new Series(_symbols);
        _coverage = new CoverageIntervals(_symbols);
        _epochs = new Epochs(_symbols);
        _rejected = new RejectedFrames(_symbols);
        _versions = versions;
        _registry = new RegistryPages(versions, Append);
        Tables = [_deltas, _snapshots, _trades, _tickers, _lifecycle, _markets, _events, _series, _coverage, _epochs, _rejected];
    }

    public IReadOnlyList<Table> Tables { get; }

    /// <summary>Called when a table's rows are to be written as a part and cleared.</summary>
    public required Action<Table> PartFull { get; init; }

    public void BeginHour(Hour hour)
    {
        _hour = hour;
        _seenTo = hour.EndAt;
        _tally = new HourTally();
        _duplicates.Clear();
        _symbols.Clear();
        foreach (var table in Tables)
        {
            table.Clear();
        }

        _markets.EndHour();
        _events.EndHour();
        _series.EndHour();
    }

    /// <summary>
    /// Lets the source report what is open. `seenTo`: the hour's end, or for an hour that is not over the last stamp seen.
    /// </summary>
    public HourTally EndHour(IExportSource source, long seenTo)
    {
        _seenTo = seenTo;
        source.Finish();
        foreach (var epoch in _tally.Epochs.OrderBy(epoch => epoch.EpochId))
        {
            _epochs.Append(epoch);
        }

        return _tally;
    }

    public void OnRow(in RowOrigin origin, Message message, ReadOnlySpan<byte> frame)
    {
        if (message.Type == FrameType.OrderbookDelta)
        {
            _deltas.Append(origin, message);
            Check(_deltas);
        }
        else
        {
            OnOtherRow(origin, message, frame);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void OnOtherRow(in RowOrigin origin, Message message, ReadOnlySpan<byte> frame)
    {
        switch (message.Type)
        {
            case FrameType.OrderbookSnapshot:
                _snapshots.Append(origin, message);
                Check(_snapshots);
                break;
            case FrameType.Trade:
                OnStreamTrade(origin, message);
                break;
            case FrameType.Ticker:
                _tickers.Append(origin, message);
                Check(_tickers);
                break;
            default:
                Checks.That(FrameTypes.IsLifecycle(message.Type), "The replay reports no rows but those of the tables.");
                OnLifecycle(origin, message, frame);
                break;
        }
    }

    private void OnLifecycle(in RowOrigin origin, Message message, ReadOnlySpan<byte> frame)
    {
        _lifecycle.Append(origin, message, frame);
        Check(_lifecycle);
        if (message.Type != FrameType.EventFeeUpdate)
        {
            var payload = frame.Slice(message.Payload.Start, message.Payload.Length);
            _registry.ReadLifecycle(origin.ReceivedAt, payload, isMarket: message.Type != FrameType.EventLifecycle);
            CheckRegistry();
        }
    }

    private void OnStreamTrade(in RowOrigin origin, Message message)
    {
        switch (_window.Stream(message.TradeId, message.ExchangeAt, out var place))
        {
            case TradeVerdict.Replaces when (int)(place >> 32) == _trades.Part:
                _trades.Withdraw((int)place);
                _tally.BackfilledTrades--;
                _tally.BackfilledDuplicates++;
                break;
            case TradeVerdict.Replaces or TradeVerdict.Duplicate:
                OnKnownTrade(origin);
                return;
        }

        _trades.Append(origin, message, isBackfill: false);
        Check(_trades);
    }

    public void OnBackfilledTrade(in RowOrigin origin, Message message)
    {
        if (_window.Backfill(message.TradeId, message.ExchangeAt, ((long)_trades.Part << 32) | (uint)_trades.Rows) == TradeVerdict.Duplicate)
        {
            _tally.BackfilledDuplicates++;
            return;
        }

        _tally.BackfilledTrades++;
        _trades.Append(origin, message, isBackfill: true);
        Check(_trades);
    }

    public void OnRejected(in RowOrigin origin, Message message, string reason, ReadOnlySpan<byte> frame)
    {
        _tally.Rejected++;
        _rejected.Append(origin, message, reason, frame);
        Check(_rejected);
    }

    public void OnUnknown(in RowOrigin origin, ReadOnlySpan<byte> frame) => _tally.Unknown++;

    public void OnKnownTrade(in RowOrigin origin) => _duplicates[origin.EpochId] = _duplicates.GetValueOrDefault(origin.EpochId) + 1;

    public void OnEpoch(Epoch epoch)
    {
        var counts = new FrameCounts(epoch);
        var mark = _marks.GetValueOrDefault(epoch.EpochId, new EpochMark(epoch.FirstSeq - 1, default));
        if (epoch.LastSeq > mark.LastSeq || epoch.EndReason is not null)
        {
            _tally.Epochs.Add(new EpochShare(
                epoch.EpochId, epoch.Session, epoch.Sid, epoch.Channel, mark.LastSeq + 1, epoch.LastSeq,
                Math.Max(epoch.FromAt, _hour.StartAt), Math.Max(epoch.ToAt, _hour.StartAt), counts - mark.Counts,
                _duplicates.GetValueOrDefault(epoch.EpochId), epoch.EndReason));
        }

        if (epoch.EndReason is null)
        {
            _marks[epoch.EpochId] = new EpochMark(epoch.LastSeq, counts);
        }
        else
        {
            _marks.Remove(epoch.EpochId);
        }
    }

    /// <summary>
    /// `Whole` is cut at the hour's ends. A gap keeps its true begin: it may turn out only now that the hour before ended uncovered.
    /// A trade gap that waits for its backfill is told at the end of every hour; one hour after its own it is left out.
    /// </summary>
    public void OnCoverage(in Coverage coverage)
    {
        var isWhole = coverage.State == CoverageState.Whole;
        if (coverage.ToAt <= _hour.StartAt && (isWhole || (coverage.State == CoverageState.Gap && coverage.ToAt <= _hour.StartAt - Micros.PerHour)))
        {
            return;
        }

        var fromAt = isWhole ? Math.Max(coverage.FromAt, _hour.StartAt) : coverage.FromAt;
        var cut = coverage with { FromAt = fromAt, ToAt = Math.Max(fromAt, Math.Min(coverage.ToAt, _seenTo)) };
        _coverage.Append(cut);
        _tally.Add(cut);
        Check(_coverage);
    }

    public void OnRestPage(long receivedAt, RestPage page, ReadOnlySpan<byte> body)
    {
        if (page.Purpose == "registry" && page.Status == 200)
        {
            _tally.UnreadablePages += _registry.Read(receivedAt, body) ? 0 : 1;
            CheckRegistry();
        }
    }

    public void Save(BinaryWriter writer)
    {
        writer.Write(_marks.Count);
        foreach (var (epochId, mark) in _marks)
        {
            writer.Write(epochId);
            writer.Write(mark.LastSeq);
            var (deltas, snapshots, trades, lifecycle, acks, unknown, rejected) = mark.Counts;
            ReadOnlySpan<long> counts = [deltas, snapshots, trades, lifecycle, acks, unknown, rejected];
            foreach (var count in counts)
            {
                writer.Write(count);
            }
        }
    }

    public void Load(BinaryReader reader)
    {
        for (var count = reader.ReadInt32(); count > 0; count--)
        {
            var epochId = reader.ReadInt64();
            _marks[epochId] = new EpochMark(reader.ReadInt64(), new FrameCounts(
                reader.ReadInt64(), reader.ReadInt64(), reader.ReadInt64(), reader.ReadInt64(), reader.ReadInt64(), reader.ReadInt64(), reader.ReadInt64()));
        }
    }

    /// <summary>A store tells versions that a lifecycle message made beside that message, which has been read already.</summary>
    public void OnObject(ObjectKind kind, long receivedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin)
    {
        if (_versions.IsNew((byte)kind, item.Ticker.Span, payload))
        {
            Append(kind, receivedAt, item, payload, origin);
            CheckRegistry();
        }
    }

    private void Append(ObjectKind kind, long receivedAt, RegistryObject item, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> origin)
    {
        RegistryObjects table = kind switch { ObjectKind.Market => _markets, ObjectKind.Event => _events, _ => _series };
        table.Append(receivedAt, item, payload, origin);
    }

    private void CheckRegistry()
    {
        Check(_markets);
        Check(_events);
        Check(_series);
    }

    private void Check(Table table)
    {
        if (table.IsFull)
        {
            PartFull(table);
        }
    }
}
