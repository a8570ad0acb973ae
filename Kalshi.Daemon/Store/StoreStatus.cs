using System.Text.Json.Serialization;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Store;

/// <summary>What a loader says of itself in the status file.</summary>
/// <param name="State">"loading", or what it waits for.</param>
/// <param name="Committed">The store's cursor, µs; 0 before the first connection.</param>
/// <param name="Lag">From the store's cursor to the journal's last record, µs; 0 = all there is, is in the store.</param>
/// <param name="LagRecords">Journal records not in the store yet; -1 while that is not known.</param>
internal sealed record StoreStatus(string Name, string State, long Committed, long Lag, long LagRecords, long Rows, long Batches, long Failures)
{
    [JsonIgnore]
    public string Line => State == "loading" ? $"{Lag / 1_000_000.0:N1} s behind" : "waiting";

    [JsonIgnore]
    public string Text =>
        $"{Name}: {State}, {(Committed == 0 ? "empty" : $"holds everything to {Micros.Format(Committed)}")}, {Lag / 1_000_000.0:N1} s"
        + $"{(LagRecords < 0 ? "" : $" and {LagRecords:N0} records")} behind; {Rows:N0} rows in {Batches:N0} batches, {Failures:N0} failures";
}
