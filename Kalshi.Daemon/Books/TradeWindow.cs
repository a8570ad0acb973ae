using System.IO.Hashing;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Books;

internal enum TradeVerdict : byte
{
    /// <summary>First row with this trade_id.</summary>
    New,

    /// <summary>The stream's copy of a backfilled row: that row gives way, if it still can.</summary>
    Replaces,

    /// <summary>There is a row already.</summary>
    Duplicate,
}

/// <summary>
/// One row a trade_id, over hours and runs: the ids of the newest trades, saved with its consumer's state.
/// <b>Bound</b>: <see cref="CountMax"/> ids, and as many that it forgot since it read the journal. <b>When full</b>: the oldest are forgotten; a
/// backfilled trade that may be among the forgotten ones is looked for in the journal itself (<paramref name="idsSince"/>: ids of the trades that
/// came before, made since a stamp).
/// </summary>
internal sealed class TradeWindow(Func<long, HashSet<UInt128>> idsSince, int countMax = TradeWindow.CountMax)
{
    public const int CountMax = 1_000_000;

    private const long NoPlace = -1;

    /// <summary>A page and the stream may stamp one trade differently: in µs, in ms, in seconds.</summary>
    private const long StampMicros = Micros.PerSecond;

    /// <summary>Where the row of a backfilled trade stands; <see cref="NoPlace"/> for those of the stream.</summary>
    private readonly Dictionary<UInt128, long> _places = [];
    private readonly Queue<(UInt128 Id, long ExchangeAt)> _order = [];

    /// <summary>Ids of the journal's trades since the stamp, once they had to be read, and of those forgotten since then.</summary>
    private (long Since, HashSet<UInt128> Ids)? _recalled;

    /// <summary>How many were forgotten since then.</summary>
    private int _forgottenSince;

    /// <summary>Exchange time of the newest forgotten trade.</summary>
    private long _forgottenAt = long.MinValue;

    public static UInt128 IdOf(ReadOnlySpan<byte> tradeId) => XxHash128.HashToUInt128(tradeId);

    /// <summary>A trade of the stream. `place`: what <see cref="Backfill"/> was given for the row that gives way.</summary>
    public TradeVerdict Stream(ReadOnlySpan<byte> tradeId, long exchangeAt, out long place)
    {
        var id = IdOf(tradeId);
        if (!_places.TryGetValue(id, out place))
        {
            Add(id, exchangeAt, NoPlace);
            return TradeVerdict.New;
        }

        if (place == NoPlace)
        {
            return TradeVerdict.Duplicate;
        }

        _places[id] = NoPlace;
        return TradeVerdict.Replaces;
    }

    /// <summary>A trade of a REST page, whose row would stand at `place` (≥ 0, the caller's notion).</summary>
    public TradeVerdict Backfill(ReadOnlySpan<byte> tradeId, long exchangeAt, long place)
    {
        var id = IdOf(tradeId);
        if (_places.ContainsKey(id) || (exchangeAt - StampMicros <= _forgottenAt && Recall(exchangeAt).Contains(id)))
        {
            return TradeVerdict.Duplicate;
        }

        Add(id, exchangeAt, place);
        return TradeVerdict.New;
    }

    /// <summary>`withPlaces`: whether places mean anything to the next process.</summary>
    public void Save(BinaryWriter writer, bool withPlaces)
    {
        writer.Write(_forgottenAt);
        writer.Write(_order.Count);
        foreach (var (id, exchangeAt) in _order)
        {
            writer.Write((ulong)(id >> 64));
            writer.Write((ulong)id);
            writer.Write(exchangeAt);
            writer.Write(withPlaces ? _places[id] : NoPlace);
        }
    }

    public void Load(BinaryReader reader)
    {
        _forgottenAt = reader.ReadInt64();
        for (var count = reader.ReadInt32(); count > 0; count--)
        {
            var id = new UInt128(reader.ReadUInt64(), reader.ReadUInt64());
            Add(id, reader.ReadInt64(), reader.ReadInt64());
        }
    }

    private void Add(UInt128 id, long exchangeAt, long place)
    {
        if (_order.Count == countMax)
        {
            var oldest = _order.Dequeue();
            _places.Remove(oldest.Id);
            _forgottenAt = Math.Max(_forgottenAt, oldest.ExchangeAt);
            NoteForgotten(oldest.Id);
        }

        _places.Add(id, place);
        _order.Enqueue((id, exchangeAt));
    }

    /// <summary>What was read of the journal knows nothing of what came since: it learns what the window forgets, and goes when that becomes much.</summary>
    private void NoteForgotten(UInt128 id)
    {
        if (_recalled is not { } recalled)
        {
            return;
        }

        if (++_forgottenSince > countMax)
        {
            _recalled = null;
        }
        else
        {
            recalled.Ids.Add(id);
        }
    }

    private HashSet<UInt128> Recall(long exchangeAt)
    {
        if (_recalled is not { } recalled || exchangeAt < recalled.Since)
        {
            _recalled = recalled = (exchangeAt, idsSince(exchangeAt));
            _forgottenSince = 0;
        }

        return recalled.Ids;
    }
}
