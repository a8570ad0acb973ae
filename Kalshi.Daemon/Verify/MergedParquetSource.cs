using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Dedup;
using Kalshi.Daemon.Dedup.Reading;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Export.Parquet;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Verify;

/// <summary>
/// An export of production into an <see cref="Audit"/>, hour by hour: places rise and ordinals count, each change lies in a stretch and somebody saw it, snapshots equal the
/// fold. A snapshot waits for the change it stands after; one that was received in a later hour than the next change proves nothing here.
/// <b>Thread</b>: one. <b>Bound</b>: books of all markets, one hour's snapshots, and one row group of deltas beside the audit.
/// </summary>
internal sealed class MergedParquetSource(ParquetSource files, Audit audit)
{
    /// <summary>What clocks of gatherers may differ by.</summary>
    private const long ClockMargin = 10 * Micros.PerSecond;

    private readonly Dictionary<string, HourMarket> _markets = [];
    private readonly List<(string Channel, long FromAt, long ToAt)> _channels = [];
    private readonly ProductionCounts _counts = audit.Production = new ProductionCounts();
    private string _hour = "";

    /// <summary>A market from hour to hour.</summary>
    private sealed class HourMarket(string ticker, MarketAudit audited)
    {
        public readonly string Ticker = ticker;
        public readonly MarketAudit Audited = audited;
        public readonly List<MergedSnapshot> Snapshots = [];

        /// <summary>Stretches as they were when the hour was exported.</summary>
        public readonly List<ProductionCoverage> Stretches = [];
        public string Hour = "";
        public int Number;
        public Run? Run;
        public ChangeKey Last = ChangeKey.None;
    }

    public void ReadHour(string hour)
    {
        _hour = hour;
        ReadCoverage(hour);
        ReadSnapshots(hour);
        ReadDeltas(hour);
        ReadTrades(hour);
        ReadLifecycle(hour);
        ReadRejected(hour);
        files.ReadTickers(hour);
    }

    /// <summary>Snapshots that still wait for the next change, and what channels no gatherer covered.</summary>
    public void Finish()
    {
        foreach (var market in _markets.Values)
        {
            Fold(market, ProductionMarket.End);
        }

        var (channel, coveredTo) = ("", 0L);
        foreach (var (name, fromAt, toAt) in _channels.Order())
        {
            if (name == channel && fromAt > coveredTo)
            {
                audit.OnCoverage(new Coverage(name, "", coveredTo - ClockMargin, fromAt + ClockMargin, 0, 0, CoverageState.Gap, "no gatherer covered it"));
            }

            coveredTo = name == channel ? Math.Max(coveredTo, toAt) : toAt;
            channel = name;
        }
    }

    private HourMarket MarketOf(byte[] ticker)
    {
        var name = Encoding.UTF8.GetString(ticker);
        if (!_markets.TryGetValue(name, out var market))
        {
            _markets.Add(name, market = new HourMarket(name, audit.Market(ticker)));
        }

        if (market.Hour != _hour)
        {
            market.Hour = _hour;
            market.Stretches.Clear();
        }

        return market;
    }

    // ---- coverage ---------------------------------------------------------------------------------------------------------

    private void ReadCoverage(string hour) => files.Each("coverage", hour, (reader, group) =>
    {
        var (channel, ticker, state, reason) = (reader.Texts(group, "channel"), reader.Texts(group, "ticker"), reader.Texts(group, "state"), reader.Texts(group, "reason"));
        var (fromAt, toAt, number) = (reader.Integers(group, "from_at"), reader.Integers(group, "to_at"), reader.Integers(group, "number"));
        var (first, last) = (Keys(reader, group, "first"), Keys(reader, group, "last"));
        for (var i = 0; i < fromAt.Length; i++)
        {
            var what = state[i].AsSpan().SequenceEqual("whole"u8) ? CoverageState.Whole : state[i].AsSpan().SequenceEqual("gap"u8) ? CoverageState.Gap : CoverageState.Repaired;
            if (ticker[i] is not { Length: > 0 } name)
            {
                OnChannel(ParquetSource.String(channel[i]), fromAt[i], toAt[i], what);
            }
            else if (what == CoverageState.Whole)
            {
                OnWhole(MarketOf(name), new ProductionCoverage(0, (int)number[i], what, fromAt[i], toAt[i], first(i), last(i), ""));
            }
            else
            {
                audit.OnCoverage(new Coverage("orderbook_delta", Encoding.UTF8.GetString(name), fromAt[i], toAt[i], 0, 0, what, ParquetSource.String(reason[i])));
            }
        }
    });

    private static Func<int, ChangeKey> Keys(ParquetReader reader, int group, string name)
    {
        var (at, ordinal) = (reader.Integers(group, $"{name}_at"), reader.Integers(group, $"{name}_ordinal"));
        return i => at[i] == ParquetReader.Null ? ChangeKey.None : new ChangeKey(at[i], (int)ordinal[i]);
    }

    private void OnWhole(HourMarket market, in ProductionCoverage row)
    {
        audit.WholeCount++;
        if (audit.KeepsChanges)
        {
            market.Audited.Claims.Add((row.FromAt, row.ToAt));
        }

        if (!row.First.IsNone)
        {
            market.Stretches.Add(row);
        }
    }

    private void OnChannel(string channel, long fromAt, long toAt, CoverageState state)
    {
        if (state != CoverageState.Gap)
        {
            _channels.Add((channel, fromAt, toAt));
        }
    }

    // ---- books ------------------------------------------------------------------------------------------------------------

    private void ReadSnapshots(string hour)
    {
        var touched = new HashSet<HourMarket>();
        files.Each("orderbook_snapshots", hour, (reader, group) =>
        {
            var ticker = reader.Texts(group, "ticker");
            var (receivedAt, number, exchangeAt, ordinal) = (reader.Integers(group, "received_at"), reader.Integers(group, "number"), reader.Integers(group, "exchange_at"), reader.Integers(group, "ordinal"));
            var (yesPrices, yesSizes, noPrices, noSizes) = (reader.Lists(group, "yes_prices"), reader.Lists(group, "yes_sizes"), reader.Lists(group, "no_prices"), reader.Lists(group, "no_sizes"));
            for (var i = 0; i < receivedAt.Length; i++)
            {
                var market = MarketOf(ticker[i]!);
                var after = exchangeAt[i] == ParquetReader.Null ? ChangeKey.None : new ChangeKey(exchangeAt[i], (int)ordinal[i]);
                market.Snapshots.Add(new MergedSnapshot(
                    (int)number[i], after, receivedAt[i], ParquetSource.Levels(yesPrices[i], yesSizes[i]), ParquetSource.Levels(noPrices[i], noSizes[i])));
                market.Audited.HasSnapshot = true;
                audit.Snapshots++;
                touched.Add(market);
            }
        });
        foreach (var market in touched)
        {
            market.Snapshots.Sort(static (a, b) => (a.After, a.ReceivedAt).CompareTo((b.After, b.ReceivedAt)));
        }
    }

    private void ReadDeltas(string hour) => files.Each("orderbook_deltas", hour, (reader, group) =>
    {
        var tickers = reader.Texts(group, "ticker");
        var markets = Array.ConvertAll(tickers.Distinct, MarketOf);
        var (side, sources) = (reader.Texts(group, "side"), reader.Texts(group, "sources"));
        var (exchangeAt, ordinal, price, delta) = (reader.Integers(group, "exchange_at"), reader.Integers(group, "ordinal"), reader.Integers(group, "price"), reader.Integers(group, "delta"));
        for (var i = 0; i < exchangeAt.Length; i++)
        {
            var (market, key) = (markets[tickers.Codes[i]], new ChangeKey(exchangeAt[i], (int)ordinal[i]));
            audit.Deltas++;
            CheckPlace(market, key, isSeen: sources[i] is { Length: > 0 });
            Fold(market, key);
            audit.Apply(market.Audited, Enter(market, key), key.At, ParquetSource.SideOf(side[i]), (int)price[i], delta[i]);
            market.Last = key;
        }
    });

    private void CheckPlace(HourMarket market, ChangeKey key, bool isSeen)
    {
        if (key == market.Last)
        {
            Fault("doubled", market, key, "stands there twice");
        }
        else if (key < market.Last || key.Ordinal != (key.At == market.Last.At ? market.Last.Ordinal + 1 : 0))
        {
            Fault("ordinal", market, key, $"follows {Micros.Format(Math.Max(0, market.Last.At))} #{market.Last.Ordinal}");
        }

        if (!isSeen)
        {
            Fault("unvouched", market, key, "was seen by no gatherer");
        }
    }

    /// <summary>The run that the change belongs to.</summary>
    private Run Enter(HourMarket market, ChangeKey key)
    {
        var stretch = market.Stretches.Find(stretch => stretch.First <= key && (stretch.Last.IsNone || key <= stretch.Last));
        if (stretch.Number == 0)
        {
            Fault("outside", market, key, "belongs to no stretch");
        }

        if (market.Run is { } run && stretch.Number != 0 && stretch.Number == market.Number)
        {
            run.EndAt = stretch.Last.IsNone ? long.MaxValue : stretch.Last.At;
            return run;
        }

        (market.Number, market.Run) = (stretch.Number, run = new Run(new EpochAudit(stretch.Number), key.At) { EndAt = stretch.Last.IsNone ? key.At : stretch.Last.At });
        _counts.Stretches++;
        if (audit.KeepsChanges)
        {
            market.Audited.Runs.Add(run);
        }

        foreach (var snapshot in market.Snapshots.Where(snapshot => snapshot.After.IsNone && snapshot.Number == market.Number))
        {
            audit.Apply(market.Audited, run, snapshot.ReceivedAt, snapshot.Yes, snapshot.No);
        }

        market.Snapshots.RemoveAll(snapshot => snapshot.After.IsNone && snapshot.Number == market.Number);
        return run;
    }

    /// <summary>Snapshots that stand before the next change: right after the last one, they are compared.</summary>
    private void Fold(HourMarket market, ChangeKey next)
    {
        var done = 0;
        foreach (var snapshot in market.Snapshots)
        {
            if (!snapshot.After.IsNone && snapshot.After >= next)
            {
                break;
            }

            done++;
            if (!snapshot.After.IsNone && snapshot.After == market.Last && market.Run is { } run && snapshot.Number == market.Number)
            {
                audit.Apply(market.Audited, run, snapshot.ReceivedAt, snapshot.Yes, snapshot.No);
            }
        }

        if (done > 0)
        {
            market.Snapshots.RemoveAll(snapshot => !snapshot.After.IsNone && snapshot.After < next);
        }
    }

    // ---- the other streams ------------------------------------------------------------------------------------------------

    private void ReadTrades(string hour) => files.Each("trades", hour, (reader, group) =>
    {
        var (ticker, id, takerSide, bookSide, origin) = (reader.Texts(group, "ticker"), reader.Texts(group, "trade_id"), reader.Texts(group, "taker_side"), reader.Texts(group, "taker_book_side"), reader.Texts(group, "origin"));
        var (receivedAt, exchangeAt) = (reader.Integers(group, "received_at"), reader.Integers(group, "exchange_at"));
        var (yes, no, count, isBlock) = (reader.Integers(group, "yes_price"), reader.Integers(group, "no_price"), reader.Integers(group, "count"), reader.Integers(group, "is_block_trade"));
        for (var i = 0; i < receivedAt.Length; i++)
        {
            var book = bookSide[i] is { Length: > 0 } text ? text[0] == 'b' ? TakerBookSide.Bid : TakerBookSide.Ask : TakerBookSide.None;
            var values = new TradeValues(exchangeAt[i], (int)yes[i], (int)no[i], count[i], ParquetSource.SideOf(takerSide[i]), book, isBlock[i] == 1);
            audit.OnMergedTrade(ticker[i], id[i], values, origin[i] is [(byte)'b', ..], receivedAt[i]);
        }
    });

    private void ReadLifecycle(string hour) => files.Each("lifecycle_events", hour, (reader, group) =>
    {
        var (type, eventType, ticker, eventTicker) = (reader.Texts(group, "type"), reader.Texts(group, "event_type"), reader.Texts(group, "ticker"), reader.Texts(group, "event_ticker"));
        var receivedAt = reader.Integers(group, "received_at");
        for (var i = 0; i < receivedAt.Length; i++)
        {
            var isOfEvent = type[i].AsSpan().StartsWith("event"u8);
            audit.OnLifecycle(RowHash.Lifecycle(type[i], eventType[i], isOfEvent ? eventTicker[i] : ticker[i]), epochId: 0, receivedAt[i]);
        }
    });

    private void ReadRejected(string hour) => files.Each("rejected_frames", hour, (reader, group) =>
    {
        var (ticker, type, reason, receivedAt) = (reader.Texts(group, "ticker"), reader.Texts(group, "type"), reader.Texts(group, "reason"), reader.Integers(group, "received_at"));
        for (var i = 0; i < receivedAt.Length; i++)
        {
            audit.OnRejected(ticker[i] is { Length: > 0 } name ? audit.Market(name) : null, FrameTypes.Find(type[i]), epochId: 0, receivedAt[i], ParquetSource.String(reason[i]));
        }
    });

    private void Fault(string kind, HourMarket market, ChangeKey key, string what) =>
        audit.AddFault(kind, () => $"{market.Ticker}: the change at {Micros.Format(key.At)} #{key.Ordinal} {what}");
}
