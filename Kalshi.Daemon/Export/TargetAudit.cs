using System.Security.Cryptography;
using Kalshi.Daemon.Export.Parquet;

namespace Kalshi.Daemon.Export;

/// <summary>Reads a target back: every hour's files against its manifest.</summary>
internal sealed record TargetAudit(int Hours, int Files, long Bytes, long Rows, IReadOnlyList<string> Faults)
{
    public static TargetAudit Run(IExportTarget target)
    {
        var faults = new List<string>();
        int hours = 0, files = 0;
        long bytes = 0, rows = 0;
        foreach (var name in target.List("manifest"))
        {
            if (Manifest.TryRead(target.TryOpen(name)) is not { } manifest)
            {
                faults.Add($"{name}: not a manifest");
                continue;
            }

            hours++;
            Check(target, manifest.Certificate, manifest.CertificateSha256, -1, -1, faults);
            foreach (var file in manifest.Files)
            {
                files++;
                bytes += file.Bytes;
                rows += file.Rows;
                Check(target, file.Name, file.Sha256, file.Bytes, file.Rows, faults);
            }
        }

        return new TargetAudit(hours, files, bytes, rows, faults);
    }

    private static void Check(IExportTarget target, string name, string sha256, long bytes, long rows, List<string> faults)
    {
        using var file = target.TryOpen(name);
        if (file is null)
        {
            faults.Add($"{name}: missing");
            return;
        }

        if (bytes >= 0 && file.Length != bytes)
        {
            faults.Add($"{name}: {file.Length} bytes instead of {bytes}");
        }
        else if (Convert.ToHexStringLower(SHA256.HashData(file)) != sha256)
        {
            faults.Add($"{name}: its SHA-256 is not the manifest's");
        }
        else if (rows >= 0 && ParquetReader.ReadRowCount(file) is var counted && counted != rows)
        {
            faults.Add($"{name}: {counted} rows instead of {rows}");
        }
    }
}
