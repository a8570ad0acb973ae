using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;

namespace Kalshi.Daemon.Verify;

/// <summary>
/// A store into an <see cref="Audit"/>, and what only a store can be asked: that the rows of each epoch are as many as kalshid.epochs says,
/// that no frame has two rows, and that no row stands behind the loader's cursor. What it finds of that is among the audit's damages.
/// </summary>
internal static class StoreSource
{
    public static void Read(StoreDatabase database, Audit audit)
    {
        using var reader = StoreReader.Open(database);
        var faults = new StoreFaults();
        using var replay = new StoreReplay(reader, new AuditSink(audit, isStored: true), faults);
        replay.FeedTo(long.MaxValue);
        replay.Finish();
        replay.CheckOpen();
        replay.Use(connection => CheckCursor(connection, faults));
        audit.Damages.AddRange(faults.Texts);
    }

    /// <summary>Rows and cursor are written in one transaction, so that nothing is ever seen behind it.</summary>
    private static void CheckCursor(StoreReader reader, StoreFaults faults)
    {
        reader.Begin();
        var cursor = StoreReader.Spell(reader.ReadFacts().Cursor);
        foreach (var (table, column) in ReadTables.Streams.Select(table => (table.Name, table.TimeColumn)).Append(("coverage", "recorded_at")).Append(("epochs", "recorded_at")))
        {
            var rows = reader.Copy($"select {column} from kalshid.{table} where {column} > {cursor} order by 1 limit 1");
            rows.MoveNext();
            if (rows.Key != long.MaxValue)
            {
                faults.Add("cursor", () => $"{table} has a row of {Micros.Format(rows.Key)}, behind the loader's cursor");
            }
        }

        reader.End();
    }
}
