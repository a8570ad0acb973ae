namespace Kalshi.Daemon.Journal;

/// <summary>One segment as people see it. `State`: open, sealed or compressed.</summary>
internal sealed record InspectedSegment(string State, SegmentScan Scan);

/// <summary>The whole journal read once: its segments, and all damage a reader from the beginning would report.</summary>
internal sealed record JournalInspection(List<InspectedSegment> Segments, List<Damage> Damages)
{
    /// <summary>A segment that retention or compression takes away meanwhile is passed over.</summary>
    public static JournalInspection Run(string directory)
    {
        var isOpen = JournalLock.IsTaken(directory);
        var names = SegmentName.List(directory);
        var inspection = new JournalInspection([], []);
        for (var i = 0; i < names.Count; i++)
        {
            using var reader = SegmentReader.TryOpen(directory, names[i].FirstAt);
            if (reader is not null)
            {
                var isNewest = i == names.Count - 1;
                inspection.Add(SegmentScan.Run(reader, isSealed: !isNewest), isNewest && isOpen && !reader.IsCompressed ? "open" : reader.IsCompressed ? "compressed" : "sealed");
            }
        }

        return inspection;
    }

    private void Add(SegmentScan scan, string state)
    {
        var lastAt = Segments.LastOrDefault(segment => segment.Scan.Blocks > 0)?.Scan.LastAt ?? 0;
        var isHoleKnown = Damages is [.., { BeforeReceivedAt: 0 }];
        NoteFirstStamp(scan);
        if (lastAt > 0 && scan.HasHeader && scan.Header.PreviousAt > lastAt && !isHoleKnown && (scan.Blocks > 0 || scan.Damages.Count > 0))
        {
            Damages.Add(new Damage(scan.FileName, 0, 0, lastAt, scan.FirstAt, "records before this segment were removed or lost"));
        }

        Damages.AddRange(scan.Damages.Select(damage => damage.AfterReceivedAt == 0 ? damage with { AfterReceivedAt = lastAt } : damage));
        Segments.Add(new InspectedSegment(state, scan));
    }

    /// <summary>Damage at the end of the segments before now has a whole block behind it.</summary>
    private void NoteFirstStamp(SegmentScan scan)
    {
        for (var i = Damages.Count - 1; i >= 0 && scan.Blocks > 0 && Damages[i].BeforeReceivedAt == 0; i--)
        {
            Damages[i] = Damages[i] with { BeforeReceivedAt = scan.FirstAt };
        }
    }
}
