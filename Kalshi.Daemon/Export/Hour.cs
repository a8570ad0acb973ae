using System.Globalization;
using Kalshi.Daemon.Primitives;

namespace Kalshi.Daemon.Export;

/// <summary>An hour of receive time, UTC, and how the target's names spell it.</summary>
/// <param name="StartAt">µs; a whole hour.</param>
internal readonly record struct Hour(long StartAt)
{
    public long EndAt => StartAt + Micros.PerHour;

    public static Hour Of(long receivedAt) => new(receivedAt - (receivedAt % Micros.PerHour));

    /// <summary>`date=YYYY-MM-DD/hour=HH`.</summary>
    public string Path => Micros.ToDateTime(StartAt).ToString("'date='yyyy-MM-dd'/hour='HH", CultureInfo.InvariantCulture);

    /// <summary>`TABLE/date=…/hour=HH/part-NNN.parquet`.</summary>
    public string PartName(string table, int part) => string.Create(CultureInfo.InvariantCulture, $"{table}/{Path}/part-{part:D3}.parquet");

    public string ManifestName => $"manifest/{Path}.json";

    public string CertificateName => $"certificate/{Path}.json";

    public override string ToString() => Micros.ToDateTime(StartAt).ToString("yyyy-MM-dd HH':00Z'", CultureInfo.InvariantCulture);
}
