using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon.Journal;

/// <summary>What follows the last whole block of a segment.</summary>
internal enum SegmentTail : byte
{
    None,

    /// <summary>Zeros only: room that was reserved and never written.</summary>
    Zeros,

    /// <summary>Bytes that are no whole block.</summary>
    Torn,
}

internal enum RecoveryAction : byte
{
    Keep,
    Truncate,
    Remove,
}

/// <summary>One row of the decision table.</summary>
internal sealed record RecoveryRule(string Label, bool HasBlocks, SegmentTail Tail, RecoveryAction Action);

/// <summary>What recovery did to the newest segment.</summary>
internal sealed record RecoveryStep(string Segment, RecoveryRule Rule, long FromBytes, long ToBytes);

/// <summary>
/// Where a writer goes on. <param name="LastReceivedAt">Stamp of the journal's last record, 0 when it has none.</param>
/// <param name="StampFloor">New stamps are later than this: ≥ LastReceivedAt, and ≥ every stamp that a consumer may have seen of records
/// that a power cut took back.</param>
/// </summary>
internal sealed record Recovered(long LastReceivedAt, long StampFloor, int FirstFreeSession, List<RecoveryStep> Steps, List<Damage> Damages);

/// <summary>
/// Makes a stopped journal ready to be continued. Looks at the newest segment only (older ones were left whole, or reported, by
/// the recovery before), and goes on to the one before it when the newest holds nothing.
/// <code>
/// label          whole blocks   behind the last whole block   decision
/// clean          some           nothing                       keep
/// preallocated   some           zeros                         truncate
/// torn           some           other bytes                   truncate to the last whole block
/// empty          none           nothing (header or less)      remove
/// unwritten      none           zeros                         remove
/// stillborn      none           other bytes                   remove
/// </code>
/// Beside it, whatever the label: a range that is not whole but is followed by a whole block is damage. It is reported and left
/// alone, as is a damaged header before whole blocks. A compressed segment is never touched.
/// </summary>
internal static class Recovery
{
    public static readonly RecoveryRule[] Table =
    [
        new("clean", HasBlocks: true, SegmentTail.None, RecoveryAction.Keep),
        new("preallocated", HasBlocks: true, SegmentTail.Zeros, RecoveryAction.Truncate),
        new("torn", HasBlocks: true, SegmentTail.Torn, RecoveryAction.Truncate),
        new("empty", HasBlocks: false, SegmentTail.None, RecoveryAction.Remove),
        new("unwritten", HasBlocks: false, SegmentTail.Zeros, RecoveryAction.Remove),
        new("stillborn", HasBlocks: false, SegmentTail.Torn, RecoveryAction.Remove),
    ];

    /// <summary>The caller holds the directory's lock. Throws SetupException for a format it does not know, <see cref="IOException"/> when the disk refuses.</summary>
    public static Recovered Run(string directory, ILogger log)
    {
        RemoveLeftovers(directory);
        var steps = new List<RecoveryStep>();
        var damages = new List<Damage>();
        var segments = SegmentName.List(directory);
        var stampFloor = segments.Count > 0 ? segments[^1].FirstAt : 0;
        foreach (var (_, position) in Cursors.Beside(directory))
        {
            stampFloor = Math.Max(stampFloor, position);
        }

        long lastReceivedAt = 0;
        var firstFreeSession = 1;
        for (var i = segments.Count - 1; i >= 0 && lastReceivedAt == 0; i--)
        {
            var scan = SegmentScan.Run(directory, segments[i]);
            if (scan.IsForeign)
            {
                throw new SetupException(ExitCode.Config, $"The segment {Path.Combine(directory, scan.FileName)} was written by another version of kalshid; continue with that version, or move the journal away.");
            }

            firstFreeSession = Math.Max(firstFreeSession, scan.NextSession);
            lastReceivedAt = Math.Max(scan.LastAt, scan.Header.LastAt);
            damages.AddRange(scan.Damages);
            if (!segments[i].HasCompressed)
            {
                steps.Add(Decide(directory, scan));
            }
        }

        Report(log, steps, damages);
        return new Recovered(lastReceivedAt, Math.Max(stampFloor, lastReceivedAt), firstFreeSession, steps, damages);
    }

    public static RecoveryRule RuleFor(SegmentScan scan) =>
        Array.Find(Table, rule => rule.HasBlocks == scan.Blocks > 0 && rule.Tail == scan.Tail)!;

    private static RecoveryStep Decide(string directory, SegmentScan scan)
    {
        var rule = RuleFor(scan);
        var path = Path.Combine(directory, scan.FileName);
        var keptBytes = rule.Action == RecoveryAction.Remove ? 0 : scan.WholeEnd;

        // Even a clean segment is cut to its own length: that frees what was reserved behind its end.
        using (var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete))
        {
            RandomAccess.SetLength(file, keptBytes);
            Disk.Sync(file);
        }

        if (rule.Action == RecoveryAction.Remove)
        {
            File.Delete(path);
        }

        Disk.SyncDirectory(directory);
        return new RecoveryStep(scan.FileName, rule, scan.Length, keptBytes);
    }

    /// <summary>Half-made compressed files, and raw ones whose compressed form is already in place.</summary>
    private static void RemoveLeftovers(string directory)
    {
        foreach (var path in Directory.EnumerateFiles(directory, "*" + SegmentName.TemporaryExtension))
        {
            File.Delete(path);
        }

        foreach (var segment in SegmentName.List(directory))
        {
            if (segment is { HasRaw: true, HasCompressed: true })
            {
                File.Delete(Path.Combine(directory, SegmentName.Raw(segment.FirstAt)));
            }
        }
    }

    private static void Report(ILogger log, List<RecoveryStep> steps, List<Damage> damages)
    {
        foreach (var step in steps.Where(step => step.Rule.Tail == SegmentTail.Torn))
        {
            log.JournalTailTruncated(step.Segment, step.Rule.Label, step.FromBytes, step.ToBytes);
        }

        foreach (var damage in damages)
        {
            log.JournalDamaged(damage.Segment, damage.FromOffset, damage.ToOffset, damage.AfterReceivedAt, damage.BeforeReceivedAt, damage.Cause);
        }
    }
}
