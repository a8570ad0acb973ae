using System.Text.Json;
using System.Text.Json.Serialization;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Export;

/// <summary>A published Parquet file. Stamps: smallest and largest of its first stamp column, µs.</summary>
internal sealed record ManifestFile(string Name, string Table, long Rows, long Bytes, long FirstAt, long LastAt, string Sha256);

/// <summary>
/// What an hour consists of, published last. No clock and no version stands in it: the same journal gives the same bytes.
/// </summary>
/// <param name="Closed">False when the hour was not over at the time; its files will be replaced.</param>
/// <param name="Cursor">received_at of the last journal record that went in; of production, the turn it was read at.</param>
internal sealed record Manifest(int Format, string Hour, string Gatherer, bool Closed, long Cursor, string Certificate, string CertificateSha256, ManifestFile[] Files)
{
    public const int CurrentFormat = 1;

    [JsonIgnore]
    public long Rows => Files.Sum(file => file.Rows);

    public static Manifest? TryRead(Stream? stream)
    {
        if (stream is null)
        {
            return null;
        }

        using (stream)
        {
            try
            {
                return JsonSerializer.Deserialize(stream, ExportJson.Default.Manifest);
            }
            catch (JsonException)
            {
                // Cannot happen to a file that was renamed into place; somebody else's file then: the hour is exported again.
                return null;
            }
        }
    }
}

/// <summary>An hour's gap or repaired gap; `Ticker` is empty for a channel subscribed for all markets.</summary>
internal sealed record CertificateGap(string Channel, string Ticker, long FromAt, long ToAt, string State, string Reason);

/// <summary>An <see cref="EpochShare"/>, flat: `deltas + … + rejected = last_seq − first_seq + 1`, and the tables hold as many rows.</summary>
internal sealed record CertificateEpoch(
    long EpochId, int Session, int Sid, string Channel, long FirstSeq, long LastSeq, long FromAt, long ToAt,
    long Deltas, long Snapshots, long Trades, long DuplicateTrades, long Lifecycle, long Acks, long Unknown, long Rejected, string? EndReason);

/// <summary>A gatherer's part in an hour of production: what it received up to `ReadTo` (cut where the hour is settled) had been merged.</summary>
internal sealed record CertificateSource(string Name, long ReadTo);

/// <summary>
/// What an hour's export vouches for, times in µs: `TARGET/certificate/date=…/hour=HH.json`. Rows per table; each epoch's share of the
/// hour, so that "nothing is missing" can be checked by counting; what is known to be missing. The first
/// <see cref="HourTally.GapsMax"/> gaps are listed, the coverage table has all of them.
/// </summary>
internal sealed record Certificate(
    int Format,
    string Gatherer,
    string Hour,
    long FromAt,
    long ToAt,
    bool Closed,
    long Cursor,
    SortedDictionary<string, long> Rows,
    int Markets,
    int MarketsWhole,
    int MarketsWithGaps,
    long GapCount,
    long RepairedCount,
    long BackfilledTrades,
    long BackfilledDuplicates,
    long RejectedFrames,
    long UnknownFrames,
    long UnreadableRegistryPages,
    long Damages,
    CertificateEpoch[] Epochs,
    CertificateGap[] Gaps,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] CertificateSource[]? Sources = null)
{
    /// <summary>Null when there is none, or none that can be read.</summary>
    public static Certificate? TryRead(Stream? stream)
    {
        if (stream is null)
        {
            return null;
        }

        using (stream)
        {
            try
            {
                return JsonSerializer.Deserialize(stream, ExportJson.Default.Certificate);
            }
            catch (JsonException)
            {
                return null;
            }
        }
    }

    public static CertificateEpoch Entry(EpochShare share) => new(
        share.EpochId, share.Session, share.Sid, share.Channel, share.FirstSeq, share.LastSeq, share.FromAt, share.ToAt,
        share.Counts.Deltas, share.Counts.Snapshots, share.Counts.Trades, share.DuplicateTrades, share.Counts.Lifecycle,
        share.Counts.Acks, share.Counts.Unknown, share.Counts.Rejected, share.EndReason);

    public static CertificateGap Entry(Coverage coverage) => new(
        coverage.Channel, coverage.Ticker, coverage.FromAt, coverage.ToAt, coverage.State == CoverageState.Gap ? "gap" : "repaired", coverage.Reason);

    public static string Spell(Hour hour) => Micros.Format(hour.StartAt);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.Never, NewLine = "\n",
    UseStringEnumConverter = false)]
[JsonSerializable(typeof(Manifest))]
[JsonSerializable(typeof(Certificate))]
internal sealed partial class ExportJson : JsonSerializerContext;
