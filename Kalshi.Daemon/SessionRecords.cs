using System.Text.Json;
using System.Text.Json.Serialization;

namespace Kalshi.Daemon;

/// <summary>Payload of `RecordKind.SessionOpened`. Purpose: "books", "trades", "tickers" or "lifecycle".</summary>
internal sealed record SessionOpened(int Session, string Url, string Purpose);

/// <summary>Payload of `RecordKind.SessionClosed`.</summary>
internal sealed record SessionClosed(int Session, string Reason);

/// <summary>Payload of `RecordKind.GapSeen`: frames with seq in [Expected, Received) of this sid never came (Received &lt; Expected: seq stepped back).</summary>
internal sealed record GapSeen(int Session, int Sid, long Expected, long Received);

/// <summary>
/// First line of `RecordKind.RestPage`. `Purpose`: "registry", "trades_backfill", "books_sweep" or "status"; a backfill says
/// which interval of exchange time (µs) the whole walk is to cover and whether this page is its last.
/// </summary>
internal sealed record RestPage(string Path, int Status, string Purpose, long FromAt = 0, long ToAt = 0, bool Last = false);

/// <summary>Payload of `RecordKind.ProcessStarted`.</summary>
internal sealed record ProcessStarted(string Gatherer, string Version);

/// <summary>Payload of `RecordKind.ProcessStopped`.</summary>
internal sealed record ProcessStopped(string Reason);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(SessionOpened))]
[JsonSerializable(typeof(SessionClosed))]
[JsonSerializable(typeof(GapSeen))]
[JsonSerializable(typeof(RestPage))]
[JsonSerializable(typeof(ProcessStarted))]
[JsonSerializable(typeof(ProcessStopped))]
internal sealed partial class SessionRecordsJson : JsonSerializerContext;

/// <summary>Control records as journal bytes. Thread-safe.</summary>
internal static class SessionRecords
{
    public static byte[] Bytes(ProcessStarted record) => JsonSerializer.SerializeToUtf8Bytes(record, SessionRecordsJson.Default.ProcessStarted);

    public static byte[] Bytes(ProcessStopped record) => JsonSerializer.SerializeToUtf8Bytes(record, SessionRecordsJson.Default.ProcessStopped);

    public static byte[] Bytes(SessionOpened record) => JsonSerializer.SerializeToUtf8Bytes(record, SessionRecordsJson.Default.SessionOpened);

    public static byte[] Bytes(SessionClosed record) => JsonSerializer.SerializeToUtf8Bytes(record, SessionRecordsJson.Default.SessionClosed);

    public static byte[] Bytes(GapSeen record) => JsonSerializer.SerializeToUtf8Bytes(record, SessionRecordsJson.Default.GapSeen);

    /// <summary>The page's line, a newline, the body as received.</summary>
    public static byte[] Bytes(RestPage page, byte[] body) => [.. JsonSerializer.SerializeToUtf8Bytes(page, SessionRecordsJson.Default.RestPage), (byte)'\n', .. body];
}
