using System.Text.Json;
using System.Text.Json.Serialization;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;

namespace Kalshi.Daemon;

/// <summary>
/// What a running gatherer says of itself, once a second, in `data_dir/status.json`. Counts are since the start; times in µs UTC;
/// `Exit` is set in the last one.
/// </summary>
internal sealed record GatherStatus
{
    public required string Gatherer { get; init; }
    public required string Version { get; init; }
    public required int Pid { get; init; }
    public required long StartedAt { get; init; }
    public required long At { get; init; }

    /// <summary>Known markets, those with an accepted stream, those wanted on a stream, and those swept by REST.</summary>
    public required int Markets { get; init; }
    public required int Subscribed { get; init; }
    public required int Wanted { get; init; }
    public required int Dormant { get; init; }
    public required int Sockets { get; init; }

    public required long Frames { get; init; }
    public required long FrameBytes { get; init; }
    public required double FramesPerSecond { get; init; }
    public required long Deltas { get; init; }
    public required long Snapshots { get; init; }
    public required long Trades { get; init; }
    public required long Tickers { get; init; }
    public required long Unknown { get; init; }
    public required long NotJson { get; init; }
    public required long Gaps { get; init; }
    public required long EventsDropped { get; init; }
    public required long RingFullWaits { get; init; }

    /// <summary>Socket read → journal write, the worst of the last second; exchange stamp → receive, newest sample; both µs.</summary>
    public required long WriteDelay { get; init; }
    public required long ExchangeAge { get; init; }

    public required long JournalBytes { get; init; }
    public required long Written { get; init; }
    public required long Durable { get; init; }
    public required long ClockBehind { get; init; }
    public required long FlushesRefused { get; init; }
    public required bool BackfillPending { get; init; }
    public required long BackfillWalks { get; init; }

    /// <summary>Null in embedded mode.</summary>
    public required StoreStatus? Store { get; init; }

    public required long AllocatedBytes { get; init; }
    public required double CpuMs { get; init; }
    public required long ResidentBytes { get; init; }
    public required string Exit { get; init; }

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, GatherStatusJson.Default.GatherStatus);

    /// <summary>The one live line on a terminal.</summary>
    public string Line(TimeSpan up) =>
        $"{up:hh\\:mm\\:ss}  {Subscribed:N0}/{Markets:N0} markets  {Sockets} sockets  {FramesPerSecond:N0} msg/s  {Frames:N0} frames  "
        + $"{Gaps:N0} gaps{(Store is { } store ? $"  store {store.Line}" : "")}  age {ExchangeAge / Micros.PerMillisecond:N0} ms  write {WriteDelay / 1000.0:N1} ms";
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(GatherStatus))]
internal sealed partial class GatherStatusJson : JsonSerializerContext;
