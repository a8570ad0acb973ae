using System.Text.Json;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Export.Parquet;
using Kalshi.Daemon.Export.Tables;

namespace Kalshi.Daemon.Export;

/// <summary>
/// Table rows → staged Parquet parts → a published hour.
/// <b>In</b>: tables that are full or whose hour ended. <b>Out</b>: the target. <b>Thread</b>: one.
/// </summary>
internal sealed class HourWriter(IExportTarget target, string gatherer) : IDisposable
{
    /// <summary>Beyond 6 the files shrink by less than 1 % more at half the speed.</summary>
    public const int ZstdLevel = 6;

    private readonly ChunkEncoder _encoder = new(ZstdLevel);
    private readonly List<ManifestFile> _files = [];
    private readonly Dictionary<string, int> _parts = [];
    private Hour _hour;

    public void Dispose() => _encoder.Dispose();

    public void BeginHour(Hour hour)
    {
        _hour = hour;
        _files.Clear();
        _parts.Clear();
    }

    /// <summary>Stages the table's rows as its next part and clears it.</summary>
    public void WritePart(Table table)
    {
        if (!table.IsEmpty)
        {
            var part = _parts.GetValueOrDefault(table.Name);
            _parts[table.Name] = part + 1;
            var name = _hour.PartName(table.Name, part);
            var file = new StagedFile(target.Stage(name));
            long rows;
            using (file)
            {
                rows = table.Write(file, _encoder);
            }

            var (first, last) = table.Range();
            _files.Add(new ManifestFile(name, table.Name, rows, file.Bytes, first, last, file.Sha256));
        }

        table.Clear();
    }

    /// <summary>Stages what is left, then certificate and manifest, and makes the hour appear.</summary>
    public Certificate Publish(IReadOnlyList<Table> tables, HourTally tally, long seenTo, bool isClosed, long cursor, int damages)
    {
        foreach (var table in tables)
        {
            WritePart(table);
        }

        var certificate = CertificateOf(tables, tally, seenTo, isClosed, cursor, damages);
        var certificateFile = StageJson(_hour.CertificateName, JsonSerializer.SerializeToUtf8Bytes(certificate, ExportJson.Default.Certificate));
        var files = _files.OrderBy(file => file.Name, StringComparer.Ordinal).ToArray();
        var manifest = new Manifest(
            Manifest.CurrentFormat, Certificate.Spell(_hour), gatherer, isClosed, cursor, _hour.CertificateName, certificateFile.Sha256, files);
        StageJson(_hour.ManifestName, JsonSerializer.SerializeToUtf8Bytes(manifest, ExportJson.Default.Manifest));

        string[] names = [.. files.Select(file => file.Name), _hour.CertificateName];
        var stale = tables.SelectMany(table => target.List($"{table.Name}/{_hour.Path}")).Except(names).ToArray();
        target.Publish(names, stale, _hour.ManifestName);
        return certificate;
    }

    private StagedFile StageJson(string name, byte[] json)
    {
        var file = new StagedFile(target.Stage(name));
        using (file)
        {
            file.Write(json);
            file.Write("\n"u8);
        }

        return file;
    }

    private Certificate CertificateOf(IReadOnlyList<Table> tables, HourTally tally, long seenTo, bool isClosed, long cursor, int damages)
    {
        var rows = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var table in tables)
        {
            rows[table.Name] = _files.Where(file => file.Table == table.Name).Sum(file => file.Rows);
        }

        return new Certificate(
            Manifest.CurrentFormat, gatherer, Certificate.Spell(_hour), _hour.StartAt, seenTo, isClosed, cursor, rows,
            tally.Markets, tally.Markets - tally.MarketsWithGaps, tally.MarketsWithGaps, tally.GapCount, tally.RepairedCount,
            tally.BackfilledTrades, tally.BackfilledDuplicates, tally.Rejected, tally.Unknown, tally.UnreadablePages, damages,
            [.. tally.Epochs.OrderBy(epoch => epoch.EpochId).Select(Certificate.Entry)], [.. tally.Gaps.Select(Certificate.Entry)], tally.Sources);
    }
}
