using Kalshi.Daemon.Dedup.Reading;
using Kalshi.Daemon.Primitives;
using Kalshi.Daemon.Store;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Export;

/// <summary>
/// One export run of production: every hour that is not exported yet, or has changed since, into the target.
/// <b>In</b>: the database. <b>Out</b>: published hours. <b>Thread</b>: one. <b>Bound</b>: one hour's tables (see <see cref="MergedHour"/>).
/// </summary>
/// <remarks>
/// An hour of production is not final when it is over: a gatherer that comes back late fills its holes, and vouches for what is there. So nothing is remembered but what the
/// target holds, and each hour is decided by itself:
/// <code>
///   the hour                                                                      exported       as closed
///   its end is not behind the watermark less the margin                           --until now    no
///   has no manifest, or one of when it was not closed                             yes            yes
///   a later turn than the manifest's wrote rows of it, or changed rows, coverage
///     or vouches of it (kalshid.hours)                                            yes            yes
///   a gatherer has been merged further into it since (the certificate's sources)  yes            yes
///   otherwise                                                                     no
/// </code>
/// The third line sees repairs and trades fetched afterwards, gaps that close and stretches that are joined; the fourth that somebody has seen nothing else. Each hour is
/// read in one transaction, as of one turn; the same rows give the same files. Hours that retention dropped stay as they were exported.
/// </remarks>
internal sealed class ProductionExporter(StoreDatabase database, string dataDirectory, IExportTarget target, bool untilNow, ILogger log)
{
    /// <summary>What dedup still decides about an hour, after everybody's rows of it are there, it decides by then.</summary>
    private const long SettleMicros = 2 * Micros.PerMinute;

    private readonly StoreFaults _faults = new();
    private readonly List<Certificate> _published = [];
    private int _unchanged;
    private Hour? _left;

    /// <summary>Throws <see cref="SetupException"/> when another export runs or the database fails; <see cref="IOException"/> when the target fails.</summary>
    public ExportReport Run()
    {
        using var lockFile = new ExportState(dataDirectory, "state-production").TryLock()
            ?? throw new SetupException(ExitCode.Unavailable, $"Another kalshid export works on {dataDirectory}; wait until it is done.");
        using var reader = StoreReader.Open(database, Migrations.Production);
        using var writer = new HourWriter(target, "production");
        var rows = new MergedHour(reader, writer.WritePart);
        var exportedTo = 0L;
        foreach (var (hour, turn) in Hours(reader))
        {
            exportedTo = Export(reader, writer, rows, hour, turn) ? hour.EndAt : exportedTo;
        }

        foreach (var fault in _faults.Texts)
        {
            log.ExportMetFault(fault);
        }

        MoveCursor(reader, exportedTo);
        return new ExportReport(_published, _unchanged, _left, rows.Count, []);
    }

    /// <summary>Hours that have rows, and the turn that wrote the latest.</summary>
    private static List<(Hour Hour, long Turn)> Hours(StoreReader reader)
    {
        var hours = new List<(Hour, long)>();
        var rows = reader.Copy("select h.hour, h.turn from kalshid.hours h, kalshid.store s where s.dropped_before is null or h.hour >= s.dropped_before order by h.hour");
        for (rows.MoveNext(); rows.Key != long.MaxValue; rows.MoveNext())
        {
            hours.Add((new Hour(rows.Key), rows.Int64()));
        }

        return hours;
    }

    /// <summary>True when the target holds the closed hour as it is now.</summary>
    private bool Export(StoreReader reader, HourWriter writer, MergedHour rows, Hour hour, long turn)
    {
        reader.Begin();
        var facts = ProductionFacts.Read(reader);
        var isClosed = hour.EndAt <= facts.CompleteTo;
        var sources = Sources(facts, hour);
        if (!isClosed && !untilNow)
        {
            _left ??= hour;
        }
        else if (isClosed && IsCurrent(hour, turn, sources))
        {
            _unchanged++;
        }
        else
        {
            writer.BeginHour(hour);
            var tally = rows.Read(hour, facts, _faults);
            tally.Sources = sources;
            var seenTo = isClosed ? hour.EndAt : Math.Clamp(facts.CompleteTo, hour.StartAt, hour.EndAt);
            var certificate = writer.Publish(rows.Tables, tally, seenTo, isClosed, facts.Turn, damages: 0);
            _published.Add(certificate);
            log.HourExported(hour.ToString(), certificate.Rows.Values.Sum(), isClosed);
        }

        reader.End();
        return isClosed;
    }

    private bool IsCurrent(Hour hour, long turn, CertificateSource[] sources) =>
        Manifest.TryRead(target.TryOpen(hour.ManifestName)) is { Closed: true } manifest && manifest.Cursor >= turn
        && Certificate.TryRead(target.TryOpen(hour.CertificateName))?.Sources is { } exported && exported.SequenceEqual(sources);

    /// <summary>How far each gatherer has been merged, as far as it matters to the hour. One that has nothing of it yet is not named.</summary>
    private static CertificateSource[] Sources(ProductionFacts facts, Hour hour)
    {
        var settledAt = hour.EndAt + facts.Margin + SettleMicros;
        return
        [
            .. Enumerable.Range(0, facts.Gatherers.Length).Where(id => facts.Gatherers[id].Length > 0 && facts.Positions[id] > hour.StartAt - facts.Margin)
                .Select(id => new CertificateSource(facts.Gatherers[id], Math.Min(facts.Positions[id], settledAt))),
        ];
    }

    /// <summary>Tells retention up to where everything is exported.</summary>
    private void MoveCursor(StoreReader reader, long exportedTo)
    {
        if (exportedTo > 0)
        {
            reader.Execute(
                $"""
                insert into kalshid.cursors (name, position) values ('export', {StoreReader.Spell(exportedTo - 1)})
                on conflict (name) do update set position = greatest(kalshid.cursors.position, excluded.position), updated_at = clock_timestamp()
                """);
        }
    }
}
