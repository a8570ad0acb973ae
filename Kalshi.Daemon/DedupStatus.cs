using System.Text.Json;
using System.Text.Json.Serialization;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon;

/// <summary>
/// What a running dedup says of itself, once a second, in `data_dir/dedup.json`. Counts are since the start; times in µs UTC; `Exit` is set
/// in the last one.
/// </summary>
internal sealed record DedupStatus
{
    public required string Version { get; init; }
    public required int Pid { get; init; }
    public required long StartedAt { get; init; }
    public required long At { get; init; }

    /// <summary>Host, port and database of production, and what its writing does: "writing", or why not.</summary>
    public required string Production { get; init; }
    public required string State { get; init; }

    /// <summary>The last turn committed, up to where everything present is merged, and how far that is behind the clock (µs).</summary>
    public required long Turn { get; init; }
    public required long Watermark { get; init; }
    public required long Lag { get; init; }

    public required long RowsIn { get; init; }
    public required double RowsInPerSecond { get; init; }
    public required long RowsOut { get; init; }
    public required double RowsOutPerSecond { get; init; }
    public required long Failures { get; init; }

    public required IReadOnlyList<DedupGathererStatus> Gatherers { get; init; }

    /// <summary>Changes that were new, that another gatherer confirmed (case 1), and runs that went on for one that ended (case 2).</summary>
    public required long Changes { get; init; }
    public required long Confirmed { get; init; }
    public required long TakenOver { get; init; }

    /// <summary>Contradictions (case 3), and those a snapshot settled.</summary>
    public required long Disagreements { get; init; }
    public required long Settled { get; init; }

    /// <summary>Steps that nobody vouched for (case 4), those whose books on both sides are equal, and those filled afterwards.</summary>
    public required long Gaps { get; init; }
    public required long GapsEven { get; init; }
    public required long GapsRepaired { get; init; }
    public required long SnapshotsChecked { get; init; }
    public required long SnapshotMismatches { get; init; }

    public required double CpuMs { get; init; }
    public required long ResidentBytes { get; init; }
    public required string Exit { get; init; }

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, DedupStatusJson.Default.DedupStatus);

    /// <summary>The one live line on a terminal.</summary>
    public string Line(TimeSpan up) =>
        $"{up:hh\\:mm\\:ss}  {Gatherers.Count(gatherer => gatherer.IsPresent)}/{Gatherers.Count} gatherers  {RowsInPerSecond:N0} rows/s in  {RowsOutPerSecond:N0} out  "
        + $"{Lag / 1000.0:N0} ms behind  {Gaps:N0} gaps, {GapsRepaired:N0} repaired  {Disagreements:N0} disagreements";
}

/// <param name="Position">Merged up to here, µs.</param>
/// <param name="Behind">How much its store has that is not merged, µs of its clock.</param>
/// <param name="IsPresent">Whether the others wait for it.</param>
internal sealed record DedupGathererStatus(string Name, long Position, long Behind, bool IsPresent, bool IsFailing, long Rows, long Missing, long LostMicros);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(DedupStatus))]
internal sealed partial class DedupStatusJson : JsonSerializerContext;
