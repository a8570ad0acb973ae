using Kalshi.Daemon.Store;

namespace Kalshi.Daemon.Dedup.Reading;

/// <summary>What production says of itself; times in µs, 0 = not said.</summary>
/// <param name="Turn">The last one committed.</param>
/// <param name="Watermark">Everything that the gatherers then present received up to here is merged.</param>
/// <param name="Margin">Bound of delay and skew, µs.</param>
/// <param name="DroppedBefore">Rows of streams older than this may be gone; a whole hour.</param>
/// <param name="Gatherers">Names by id; empty where there is none.</param>
/// <param name="Positions">By id: everything that gatherer received up to here is merged.</param>
internal sealed record ProductionFacts(long Turn, long Watermark, long Margin, long DroppedBefore, string[] Gatherers, long[] Positions)
{
    /// <summary>What the exchange stamped before this is here, as far as anybody who was present received it.</summary>
    public long CompleteTo => Watermark - Margin;

    /// <summary>Up to which a stretch of the market holds everything, in the exchange's time: while it goes on, as far as those are read who vouch for it.</summary>
    public long WholeTo(ProductionMarket market, in ProductionCoverage stretch)
    {
        if (stretch.ToAt < long.MaxValue)
        {
            return stretch.ToAt;
        }

        var to = stretch.FromAt;
        foreach (var vouch in market.Vouches)
        {
            if (vouch.IsOpen && (vouch.After.IsNone || market.StretchBehind(vouch.After) == market.Stretches.Count - 1))
            {
                to = Math.Max(to, Positions[vouch.Gatherer] - Margin);
            }
        }

        return to;
    }

    public static ProductionFacts Read(StoreReader reader)
    {
        var rows = reader.Copy("select turn, watermark, (extract(epoch from margin) * 1000000)::int8, dropped_before from kalshid.store");
        Primitives.Checks.That(rows.TryRow(), "Production has a row that describes it.");
        var (turn, watermark, margin, dropped) = (rows.Int64(), rows.Time(0), rows.Int64(), rows.Time(0));
        var (names, positions) = (new string[MergeSettings.GatherersMax], new long[MergeSettings.GatherersMax]);
        Array.Fill(names, "");
        var gatherers = reader.Copy("select gatherer_id::int4, name, position from kalshid.gatherers");
        while (gatherers.TryRow())
        {
            var id = gatherers.Int32();
            names[id] = System.Text.Encoding.UTF8.GetString(gatherers.Bytes());
            positions[id] = gatherers.Time();
        }

        return new ProductionFacts(turn, watermark, margin, dropped, names, positions);
    }
}
