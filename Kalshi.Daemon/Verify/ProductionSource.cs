using Kalshi.Daemon.Books;
using Kalshi.Daemon.Dedup.Reading;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;

namespace Kalshi.Daemon.Verify;

/// <summary>
/// Production into an <see cref="Audit"/>: the books market by market (<see cref="ProductionBooks"/>, <see cref="StretchAudit"/>), the other streams by time.
/// It may be written meanwhile.
/// </summary>
internal sealed class ProductionSource
{
    private readonly StoreReader _reader;
    private readonly Audit _audit;
    private readonly ProductionFacts _facts;
    private readonly StoreTickers _tickers;
    private readonly StoreFaults _faults = new();
    private readonly Message _message = new();
    private readonly ProductionCounts _counts = new();

    private ProductionSource(StoreReader reader, Audit audit)
    {
        (_reader, _audit) = (reader, audit);
        audit.Production = _counts;
        _facts = ProductionFacts.Read(reader);
        _tickers = new StoreTickers(reader, _faults);
    }

    /// <summary>`rowsMax`: see <see cref="ProductionBooks"/>.</summary>
    public static void Read(StoreDatabase database, Audit audit, int rowsMax = ProductionBooks.RowsMax)
    {
        using var reader = StoreReader.Open(database, Migrations.Production);
        new ProductionSource(reader, audit).Read(rowsMax);
    }

    private void Read(int rowsMax)
    {
        new ProductionBooks(_reader, new StretchAudit(_audit, _facts, _tickers), rowsMax).Read();
        ReadDisagreements();
        ReadChannels();
        new TableRanges(_reader, ProductionQueries.Trades).ReadAll(OnTrade);
        new TableRanges(_reader, ProductionQueries.Tickers).ReadAll(OnTicker);
        new TableRanges(_reader, ProductionQueries.Lifecycle).ReadAll(OnLifecycle);
        new TableRanges(_reader, ProductionQueries.Rejected).ReadAll(OnRejected);
        _audit.Damages.AddRange(_faults.Texts);
    }

    private void OnTrade(CopyRows rows)
    {
        var (market, receivedAt, isBackfilled) = ProductionDecoder.Trade(rows, _message);
        var values = new TradeValues(
            _message.ExchangeAt, _message.YesPrice, _message.NoPrice, _message.Count, _message.TakerSide, _message.TakerBookSide, _message.IsBlockTrade == 1);
        _audit.StreamTrades += isBackfilled ? 0 : 1;
        _audit.OnMergedTrade(_tickers.Bytes(market), _message.TradeId, values, isBackfilled, receivedAt);
    }

    private void OnTicker(CopyRows rows)
    {
        var (market, _) = ProductionDecoder.Ticker(rows, _message);
        _audit.OnTicker(RowHash.Ticker(_tickers.Bytes(market), _message));
    }

    private void OnLifecycle(CopyRows rows)
    {
        var market = RowMessages.ReadLifecycle(rows, _message, out _);
        var subject = _message.Type is FrameType.EventLifecycle or FrameType.EventFeeUpdate ? _message.EventTicker : _tickers.Bytes(market);
        _audit.OnLifecycle(RowHash.Lifecycle(AuditSink.TypeName(_message.Type), _message.EventType, subject), epochId: 0, rows.Key);
    }

    private void OnRejected(CopyRows rows)
    {
        rows.Int32();
        var market = rows.Int32(0);
        var type = FrameTypes.Find(rows.Bytes());
        var reason = string.Intern(System.Text.Encoding.UTF8.GetString(rows.Bytes()));
        rows.Bytes();
        _audit.OnRejected(market == 0 ? null : _audit.Market(_tickers.Bytes(market)), type, epochId: 0, rows.Key, reason);
    }

    private void ReadDisagreements()
    {
        var rows = _reader.Copy("select found_at, settled_at is null, market_id, held_by, other_by from kalshid.disagreements order by settled_at is null desc, found_at");
        for (rows.MoveNext(); rows.Key != long.MaxValue; rows.MoveNext())
        {
            var (at, isOpen, market) = (rows.Key, rows.Bool() == 1, _tickers.Name(rows.Int32()));
            var (held, other) = (System.Text.Encoding.UTF8.GetString(rows.Bytes()), System.Text.Encoding.UTF8.GetString(rows.Bytes()));
            _counts.Disagreements++;
            if (isOpen)
            {
                _counts.OpenDisagreements++;
                _audit.Examples.Add("open disagreement", () => $"{market}: {other} contradicts {held}, found {Micros.Format(at)}");
            }
        }
    }

    /// <summary>A channel's gap is what no gatherer covered, give or take the margin between their clocks.</summary>
    private void ReadChannels()
    {
        var rows = _reader.Copy("select from_at, least(to_at, (select watermark from kalshid.store)), channel from kalshid.channel_watches where state <> 'gap' order by channel, from_at");
        var (channel, coveredTo) = ("", 0L);
        for (rows.MoveNext(); rows.Key != long.MaxValue; rows.MoveNext())
        {
            var (fromAt, toAt, name) = (rows.Key, rows.Time(_facts.Watermark), string.Intern(System.Text.Encoding.UTF8.GetString(rows.Bytes())));
            if (name == channel && fromAt > coveredTo)
            {
                _audit.OnCoverage(new Coverage(name, "", coveredTo - _facts.Margin, fromAt + _facts.Margin, 0, 0, CoverageState.Gap, "no gatherer covered it"));
            }

            coveredTo = name == channel ? Math.Max(coveredTo, toAt) : toAt;
            channel = name;
        }
    }
}
