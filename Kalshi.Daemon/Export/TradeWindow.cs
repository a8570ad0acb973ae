using System.IO.Hashing;

namespace Kalshi.Daemon.Export;

internal enum TradeVerdict : byte
{
    /// <summary>First row with this trade_id.</summary>
    New,

    /// <summary>The stream's copy of a backfilled row that is still in memory: that row gives way.</summary>
    Replaces,

    /// <summary>There is a row already.</summary>
    Duplicate,
}

/// <summary>
/// One row a trade_id, over hours and runs: the ids of the newest trades, saved with the export's state.
/// <b>Bound</b>: <see cref="CountMax"/> ids. <b>When full</b>: the oldest are forgotten; a backfilled trade that may be among the forgotten
/// ones is looked for in the journal itself (<paramref name="idsSince"/>: ids of stream trades received since a stamp).
/// </summary>
internal sealed class TradeWindow(Func<long, HashSet<UInt128>> idsSince)
{
    public const int CountMax = 1_000_000;

    private readonly Dictionary<UInt128, (int Part, int Row)> _rows = [];
    private readonly Queue<(UInt128 Id, long ExchangeAt)> _order = [];

    /// <summary>Ids of the journal's stream trades since the stamp, once they had to be read.</summary>
    private (long Since, HashSet<UInt128> Ids)? _recalled;

    /// <summary>Exchange time of the newest forgotten trade.</summary>
    private long _forgottenAt = long.MinValue;

    public static UInt128 IdOf(ReadOnlySpan<byte> tradeId) => XxHash128.HashToUInt128(tradeId);

    /// <summary>`row`: where the row would go; `replaced`: the backfilled row that gives way.</summary>
    public TradeVerdict Stream(ReadOnlySpan<byte> tradeId, long exchangeAt, int part, out int replaced)
    {
        replaced = -1;
        var id = IdOf(tradeId);
        if (!_rows.TryGetValue(id, out var known))
        {
            Add(id, exchangeAt, (-1, -1));
            return TradeVerdict.New;
        }

        if (known.Part != part)
        {
            return TradeVerdict.Duplicate;
        }

        replaced = known.Row;
        _rows[id] = (-1, -1);
        return TradeVerdict.Replaces;
    }

    public TradeVerdict Backfill(ReadOnlySpan<byte> tradeId, long exchangeAt, int part, int row)
    {
        var id = IdOf(tradeId);
        if (_rows.ContainsKey(id) || (exchangeAt <= _forgottenAt && Recall(exchangeAt).Contains(id)))
        {
            return TradeVerdict.Duplicate;
        }

        Add(id, exchangeAt, (part, row));
        return TradeVerdict.New;
    }

    public void Save(BinaryWriter writer)
    {
        writer.Write(_forgottenAt);
        writer.Write(_order.Count);
        foreach (var (id, exchangeAt) in _order)
        {
            writer.Write((ulong)(id >> 64));
            writer.Write((ulong)id);
            writer.Write(exchangeAt);
        }
    }

    public void Load(BinaryReader reader)
    {
        _forgottenAt = reader.ReadInt64();
        for (var count = reader.ReadInt32(); count > 0; count--)
        {
            var id = new UInt128(reader.ReadUInt64(), reader.ReadUInt64());
            Add(id, reader.ReadInt64(), (-1, -1));
        }
    }

    private void Add(UInt128 id, long exchangeAt, (int Part, int Row) place)
    {
        if (_order.Count == CountMax)
        {
            var oldest = _order.Dequeue();
            _rows.Remove(oldest.Id);
            _forgottenAt = Math.Max(_forgottenAt, oldest.ExchangeAt);
        }

        _rows.Add(id, place);
        _order.Enqueue((id, exchangeAt));
    }

    private HashSet<UInt128> Recall(long exchangeAt)
    {
        if (_recalled is not { } recalled || exchangeAt < recalled.Since)
        {
            _recalled = recalled = (exchangeAt, idsSince(exchangeAt));
        }

        return recalled.Ids;
    }
}
