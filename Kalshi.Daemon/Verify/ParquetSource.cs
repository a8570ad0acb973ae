using System.Text;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Exchange.Protocol;
using Kalshi.Daemon.Export;
using Kalshi.Daemon.Export.Parquet;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Verify;

/// <summary>
/// Exported Parquet files into an <see cref="Audit"/>, hour by hour: coverage and epochs first, then each market's snapshots, deltas
/// and rejected frames in order of received_at, which is the order of its stream. The files and their certificates are all it
/// knows: no journal, no replay.
/// <b>Bound</b>: one hour's snapshots and one row group of deltas beside the audit.
/// </summary>
internal sealed class ParquetSource
{
    /// <summary>The tables that are read, and so counted.</summary>
    private static readonly string[] Tables =
        ["coverage", "epochs", "orderbook_snapshots", "orderbook_deltas", "rejected_frames", "trades", "lifecycle_events", "tickers"];

    private static readonly string[] Prices = ["last_price", "yes_bid", "yes_ask"];
    private static readonly string[] Sizes = ["yes_bid_size", "yes_ask_size", "last_trade_size", "volume", "open_interest", "dollar_volume", "dollar_open_interest"];

    private readonly ParquetHours _hours;
    private readonly Audit _audit;

    /// <summary>Of the hour being read.</summary>
    private readonly Dictionary<string, long> _rows = [];
    private readonly List<EpochRow> _epochs = [];

    /// <summary>Epochs over all hours.</summary>
    private readonly Dictionary<long, Epoch> _whole = [];

    private ParquetSource(ParquetHours hours, Audit audit)
    {
        _hours = hours;
        _audit = audit;
    }

    private readonly record struct EpochRow(long EpochId, long Session, long Sid, long FromAt, long ToAt);

    public static void Read(string directory, Audit audit)
    {
        var source = new ParquetSource(new ParquetHours(directory), audit);
        var merged = source._hours.Names.Any(source.IsMerged) ? new MergedParquetSource(source, audit) : null;
        foreach (var hour in source._hours.Names)
        {
            try
            {
                if (merged is null)
                {
                    source.ReadHour(hour);
                }
                else
                {
                    source._rows.Clear();
                    merged.ReadHour(hour);
                    source.CheckCertificate(hour);
                }
            }
            catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
            {
                audit.Damages.Add($"{hour}: {e.Message}");
            }
        }

        merged?.Finish();
    }

    private void ReadHour(string hour)
    {
        _rows.Clear();
        ReadCoverage(hour);
        ReadEpochs(hour);
        var events = new HourEvents();
        ReadSnapshots(hour, events);
        ReadRejected(hour, events);
        ReadDeltas(hour, events);
        events.EmitRest();
        ReadTrades(hour);
        ReadLifecycle(hour);
        ReadTickers(hour);
        CheckCertificate(hour);
    }

    /// <summary>Whether the hour was exported from production.</summary>
    private bool IsMerged(string hour) => Certificate.TryRead(File.Exists(_hours.Certificate(hour)) ? File.OpenRead(_hours.Certificate(hour)) : null)?.Sources is not null;

    public void Each(string table, string hour, Action<ParquetReader, int> read)
    {
        foreach (var part in _hours.Parts(table, hour))
        {
            using var reader = new ParquetReader(File.OpenRead(part));
            _rows[table] = _rows.GetValueOrDefault(table) + reader.Rows;
            for (var group = 0; group < reader.RowGroupCount; group++)
            {
                read(reader, group);
            }
        }
    }

    private void ReadCoverage(string hour) => Each("coverage", hour, (reader, group) =>
    {
        var (channel, ticker, state, reason) = (reader.Texts(group, "channel"), reader.Texts(group, "ticker"), reader.Texts(group, "state"), reader.Texts(group, "reason"));
        var (fromAt, toAt, epochId, fromSeq) = (reader.Integers(group, "from_at"), reader.Integers(group, "to_at"), reader.Integers(group, "epoch_id"), reader.Integers(group, "from_seq"));
        for (var i = 0; i < fromAt.Length; i++)
        {
            var what = state[i].AsSpan().SequenceEqual("whole"u8) ? CoverageState.Whole : state[i].AsSpan().SequenceEqual("gap"u8) ? CoverageState.Gap : CoverageState.Repaired;
            _audit.OnCoverage(new Coverage(String(channel[i]), String(ticker[i]), fromAt[i], toAt[i], Number(epochId[i]), Number(fromSeq[i]), what, String(reason[i])));
        }
    });

    /// <summary>An epoch's shares of the hours add up to the epoch.</summary>
    private void ReadEpochs(string hour)
    {
        _epochs.Clear();
        Each("epochs", hour, (reader, group) =>
        {
            long[] Column(string name) => reader.Integers(group, name);
            var (id, session, sid, channel, reason) = (Column("epoch_id"), Column("session"), Column("sid"), reader.Texts(group, "channel"), reader.Texts(group, "end_reason"));
            var (firstSeq, lastSeq, fromAt, toAt) = (Column("first_seq"), Column("last_seq"), Column("from_at"), Column("to_at"));
            var (deltas, snapshots, trades, twice, lifecycle) = (Column("deltas"), Column("snapshots"), Column("trades"), Column("duplicate_trades"), Column("lifecycle"));
            var (acks, unknown, rejected) = (Column("acks"), Column("unknown"), Column("rejected"));
            for (var i = 0; i < id.Length; i++)
            {
                _epochs.Add(new EpochRow(id[i], session[i], sid[i], fromAt[i], toAt[i]));
                var epoch = EpochOf(id[i], (int)session[i], (int)sid[i], String(channel[i]), firstSeq[i], fromAt[i]);
                (epoch.LastSeq, epoch.ToAt, epoch.EndReason) = (lastSeq[i], toAt[i], reason[i] is { } text ? String(text) : null);
                epoch.Deltas += deltas[i];
                epoch.Snapshots += snapshots[i];
                epoch.Trades += trades[i];
                epoch.Lifecycle += lifecycle[i];
                epoch.Acks += acks[i];
                epoch.Unknown += unknown[i];
                epoch.Rejected += rejected[i];
                _audit.Epoch(id[i]).TradesElsewhere += twice[i];
                _audit.UnknownFrames += unknown[i];
            }
        });
    }

    private Epoch EpochOf(long id, int session, int sid, string channel, long firstSeq, long fromAt)
    {
        if (!_whole.TryGetValue(id, out var epoch))
        {
            epoch = new Epoch { EpochId = id, Session = session, Sid = sid, Channel = channel, FirstSeq = firstSeq, FromAt = fromAt };
            _whole.Add(id, epoch);
            _audit.OnEpoch(epoch);
        }

        return epoch;
    }

    private void ReadSnapshots(string hour, HourEvents events) => Each("orderbook_snapshots", hour, (reader, group) =>
    {
        var markets = MarketsOf(reader.Texts(group, "ticker"));
        var (receivedAt, epochId, seq) = (reader.Integers(group, "received_at"), reader.Integers(group, "epoch_id"), reader.Integers(group, "seq"));
        var yes = (Prices: reader.Lists(group, "yes_prices"), Sizes: reader.Lists(group, "yes_sizes"));
        var no = (Prices: reader.Lists(group, "no_prices"), Sizes: reader.Lists(group, "no_sizes"));
        for (var i = 0; i < receivedAt.Length; i++)
        {
            var (market, row, place) = (markets[i], new RowKey(Number(epochId[i]), Number(seq[i]), receivedAt[i]), i);
            events.Add(market, receivedAt[i], () => _audit.OnSnapshot(market, row, Levels(yes.Prices[place], yes.Sizes[place]), Levels(no.Prices[place], no.Sizes[place])));
        }
    });

    private void ReadRejected(string hour, HourEvents events) => Each("rejected_frames", hour, (reader, group) =>
    {
        var (ticker, reason, frame) = (reader.Texts(group, "ticker"), reader.Texts(group, "reason"), reader.Texts(group, "frame"));
        var (receivedAt, session, sid) = (reader.Integers(group, "received_at"), reader.Integers(group, "session"), reader.Integers(group, "sid"));
        for (var i = 0; i < receivedAt.Length; i++)
        {
            var (at, because) = (receivedAt[i], String(reason[i]));
            var type = session[i] == 0 && because.StartsWith("trade", StringComparison.Ordinal) ? FrameType.Trade : FrameHeadReader.Read(frame[i]).Type;
            var (sessionId, sidId) = (session[i], sid[i]);
            var epochId = _epochs.Find(epoch => epoch.Session == sessionId && epoch.Sid == sidId && epoch.FromAt <= at && at <= epoch.ToAt).EpochId;
            if (ticker[i] is not { Length: > 0 } name)
            {
                _audit.OnRejected(null, type, epochId, at, because);
                continue;
            }

            var market = _audit.Market(name);
            events.Add(market, at, () => _audit.OnRejected(market, type, epochId, at, because));
        }
    });

    private void ReadDeltas(string hour, HourEvents events) => Each("orderbook_deltas", hour, (reader, group) =>
    {
        var markets = MarketsOf(reader.Texts(group, "ticker"));
        var side = reader.Texts(group, "side");
        var (receivedAt, exchangeAt, epochId, seq) = (reader.Integers(group, "received_at"), reader.Integers(group, "exchange_at"), reader.Integers(group, "epoch_id"), reader.Integers(group, "seq"));
        var (price, delta) = (reader.Integers(group, "price"), reader.Integers(group, "delta"));
        for (var i = 0; i < receivedAt.Length; i++)
        {
            events.EmitBefore(markets[i], receivedAt[i]);
            var row = new RowKey(Number(epochId[i]), Number(seq[i]), receivedAt[i]);
            _audit.OnDelta(markets[i], row, exchangeAt[i], SideOf(side[i]), (int)price[i], delta[i]);
        }
    });

    private void ReadTrades(string hour) => Each("trades", hour, (reader, group) =>
    {
        var (ticker, id, takerSide, bookSide) = (reader.Texts(group, "ticker"), reader.Texts(group, "trade_id"), reader.Texts(group, "taker_side"), reader.Texts(group, "taker_book_side"));
        var (receivedAt, exchangeAt, epochId) = (reader.Integers(group, "received_at"), reader.Integers(group, "exchange_at"), reader.Integers(group, "epoch_id"));
        var (yes, no, count, isBlock) = (reader.Integers(group, "yes_price"), reader.Integers(group, "no_price"), reader.Integers(group, "count"), reader.Integers(group, "is_block_trade"));
        for (var i = 0; i < receivedAt.Length; i++)
        {
            var book = bookSide[i] is { Length: > 0 } text ? text[0] == 'b' ? TakerBookSide.Bid : TakerBookSide.Ask : TakerBookSide.None;
            var values = new TradeValues(exchangeAt[i], (int)yes[i], (int)no[i], count[i], SideOf(takerSide[i]), book, isBlock[i] == 1);
            _audit.OnTrade(ticker[i], id[i], values, Number(epochId[i]), receivedAt[i], isStored: true);
        }
    });

    private void ReadLifecycle(string hour) => Each("lifecycle_events", hour, (reader, group) =>
    {
        var (type, eventType, ticker, eventTicker) = (reader.Texts(group, "type"), reader.Texts(group, "event_type"), reader.Texts(group, "ticker"), reader.Texts(group, "event_ticker"));
        var (receivedAt, epochId) = (reader.Integers(group, "received_at"), reader.Integers(group, "epoch_id"));
        for (var i = 0; i < receivedAt.Length; i++)
        {
            var isOfEvent = type[i].AsSpan().StartsWith("event"u8);
            _audit.OnLifecycle(RowHash.Lifecycle(type[i], eventType[i], isOfEvent ? eventTicker[i] : ticker[i]), Number(epochId[i]), receivedAt[i]);
        }
    });

    public void ReadTickers(string hour) => Each("tickers", hour, (reader, group) =>
    {
        var ticker = reader.Texts(group, "ticker");
        var exchangeAt = reader.Integers(group, "exchange_at");
        var columns = Prices.Concat(Sizes).Select(name => reader.Integers(group, name)).ToArray();
        Span<long> values = stackalloc long[10];
        for (var i = 0; i < exchangeAt.Length; i++)
        {
            for (var c = 0; c < columns.Length; c++)
            {
                values[c] = c < Prices.Length && columns[c][i] == ParquetReader.Null ? Message.AbsentPrice : columns[c][i];
            }

            _audit.OnTicker(RowHash.Ticker(ticker[i], exchangeAt[i], values));
        }
    });

    /// <summary>The hour's files must hold as many rows as its certificate says.</summary>
    private void CheckCertificate(string hour)
    {
        var path = _hours.Certificate(hour);
        if (Certificate.TryRead(File.Exists(path) ? File.OpenRead(path) : null) is not { } certificate)
        {
            _audit.Damages.Add($"{hour}: no readable certificate");
            return;
        }

        foreach (var (table, rows) in certificate.Rows)
        {
            var found = _rows.GetValueOrDefault(table);
            if (found != rows && Tables.Contains(table))
            {
                _audit.Damages.Add($"{hour}: {table} has {found} rows, its certificate says {rows}");
            }
        }

        if (certificate.Damages > 0)
        {
            _audit.Damages.Add($"{hour}: the journal it was made from had {certificate.Damages} damaged ranges");
        }
    }

    /// <summary>Each row's market, looked up once a distinct ticker.</summary>
    private MarketAudit[] MarketsOf(TextValues tickers)
    {
        var distinct = Array.ConvertAll(tickers.Distinct, ticker => _audit.Market(ticker));
        return Array.ConvertAll(tickers.Codes, code => distinct[code]);
    }

    public static Level[] Levels(ReadOnlySpan<long> prices, ReadOnlySpan<long> sizes)
    {
        var levels = new Level[prices.Length];
        for (var i = 0; i < levels.Length; i++)
        {
            levels[i] = new Level((int)prices[i], sizes[i]);
        }

        return levels;
    }

    public static Side SideOf(byte[]? text) => text switch { [(byte)'y', ..] => Side.Yes, [(byte)'n', ..] => Side.No, _ => Side.None };

    private static long Number(long value) => value == ParquetReader.Null ? 0 : value;

    public static string String(byte[]? text) => text is null ? "" : string.Intern(Encoding.UTF8.GetString(text));
}
