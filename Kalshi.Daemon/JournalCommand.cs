using System.Text;
using System.Text.Json;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging.Abstractions;

namespace Kalshi.Daemon;

/// <summary>`kalshid journal inspect [--json]`: what is in the journal and what is damaged; `journal repair`: what recovery at a start does.</summary>
internal static class JournalCommand
{
    public static readonly CommandOption[] Options =
    [
        new("data-dir", "DIR", "the gatherer's data directory, instead of gather.data_dir"),
        new("json", null, "inspect: one JSON object instead of a table"),
    ];

    private static readonly string[] Verbs = ["inspect", "repair"];

    public static Task<int> RunAsync(CommandLine line)
    {
        if (line.Positional is not [var verb])
        {
            throw new SetupException(ExitCode.Usage, "kalshid journal needs one of: inspect, repair.");
        }

        if (!Verbs.Contains(verb))
        {
            throw new SetupException(ExitCode.Usage, $"kalshid journal cannot {verb}{Spelling.DidYouMean(verb, Verbs)}; it can inspect and repair.");
        }

        var directory = Path.Combine(line.Value("data-dir") ?? Daemon.Options.Load(line).DataDir, "journal");
        if (!Directory.Exists(directory))
        {
            throw new SetupException(ExitCode.Config, $"There is no journal at {Path.GetFullPath(directory)}; name the gatherer's data directory with --data-dir or gather.data_dir.");
        }

        return Task.FromResult(verb == "inspect" ? Inspect(directory, line.Has("json"), Console.Out) : Repair(directory, Console.Out));
    }

    /// <summary>Exit 0 only when nothing is damaged. Reads only, and may run beside a gatherer.</summary>
    public static int Inspect(string directory, bool isJson, TextWriter output)
    {
        var inspection = JournalInspection.Run(directory);
        if (isJson)
        {
            output.WriteLine(ToJson(directory, inspection));
        }
        else
        {
            Print(inspection, output);
        }

        return inspection.Damages.Count == 0 ? ExitCode.Ok : ExitCode.Failed;
    }

    /// <summary>Refuses while a gatherer writes. Exit 0 when the journal is whole afterwards, 1 when damage is left.</summary>
    public static int Repair(string directory, TextWriter output)
    {
        using var directoryLock = JournalLock.Take(directory);
        var recovered = Recovery.Run(directory, NullLogger.Instance);
        foreach (var step in recovered.Steps)
        {
            output.WriteLine(step.Rule.Action switch
            {
                RecoveryAction.Remove => $"{step.Segment}: {step.Rule.Label}; removed, it held no whole block ({step.FromBytes} bytes).",
                RecoveryAction.Truncate => $"{step.Segment}: {step.Rule.Label}; truncated from {step.FromBytes} to {step.ToBytes} bytes, the end of its last whole block.",
                _ => $"{step.Segment}: {step.Rule.Label}; nothing to repair.",
            });
        }

        if (recovered.Steps.Count == 0)
        {
            output.WriteLine("Nothing to repair.");
        }

        var damages = JournalInspection.Run(directory).Damages;
        foreach (var damage in damages)
        {
            output.WriteLine($"{Describe(damage)}; left as it is.");
        }

        return damages.Count == 0 ? ExitCode.Ok : ExitCode.Failed;
    }

    private static void Print(JournalInspection inspection, TextWriter output)
    {
        output.WriteLine($"{"segment",-24} {"state",-10} {"bytes",14} {"raw bytes",14} {"blocks",9} {"records",12} {"sessions",-13} {"first",-27} last");
        foreach (var (state, scan) in inspection.Segments)
        {
            output.WriteLine($"{scan.FileName,-24} {state,-10} {scan.Length,14} {scan.RawBytes,14} {scan.Blocks,9} {scan.Records,12} "
                + $"{(scan.SessionHigh == 0 ? "-" : $"{scan.SessionLow}-{scan.SessionHigh}"),-13} {Time(scan.FirstAt),-27} {Time(scan.LastAt)}");
        }

        var total = new Totals(inspection);
        output.WriteLine($"{"total",-24} {inspection.Segments.Count + " segments",-10} {total.Bytes,14} {total.RawBytes,14} {total.Blocks,9} {total.Records,12}");
        foreach (var damage in inspection.Damages)
        {
            output.WriteLine($"DAMAGED {Describe(damage)}.");
        }

        if (inspection.Segments is [.., var (lastState, last)] && last.Tail != SegmentTail.None)
        {
            output.WriteLine($"{last.FileName} ends in {last.Length - last.WholeEnd} bytes that are no whole block; "
                + (lastState == "open" ? "it is being written." : "the next gather, or journal repair, truncates them."));
        }

        output.WriteLine(inspection.Damages.Count == 0 ? "No damage." : $"{inspection.Damages.Count} damaged ranges; all other records are readable.");
    }

    private static string Describe(Damage damage) => damage.ToOffset == 0
        ? $"{damage.Segment}: {damage.Cause} (after {Time(damage.AfterReceivedAt)}, before {Time(damage.BeforeReceivedAt)})"
        : $"{damage.Segment} bytes {damage.FromOffset} to {damage.ToOffset}: {damage.Cause} (after {Time(damage.AfterReceivedAt)}, before {Time(damage.BeforeReceivedAt)})";

    private static string Time(long receivedAt) => receivedAt == 0 ? "-" : Micros.Format(receivedAt);

    private static string ToJson(string directory, JournalInspection inspection)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("directory", Path.GetFullPath(directory));
            json.WriteBoolean("whole", inspection.Damages.Count == 0);
            WriteTotals(json, new Totals(inspection));
            json.WriteStartArray("segments");
            inspection.Segments.ForEach(segment => Write(json, segment));
            json.WriteEndArray();
            json.WriteStartArray("damages");
            inspection.Damages.ForEach(damage => Write(json, damage));
            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.GetBuffer().AsSpan(0, (int)stream.Length));
    }

    private static void WriteTotals(Utf8JsonWriter json, Totals totals)
    {
        json.WriteStartObject("totals");
        json.WriteNumber("bytes", totals.Bytes);
        json.WriteNumber("raw_bytes", totals.RawBytes);
        json.WriteNumber("blocks", totals.Blocks);
        json.WriteNumber("records", totals.Records);
        json.WriteNumber("first_received_at", totals.FirstAt);
        json.WriteNumber("last_received_at", totals.LastAt);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, InspectedSegment segment)
    {
        var scan = segment.Scan;
        json.WriteStartObject();
        json.WriteString("name", scan.FileName);
        json.WriteString("state", segment.State);
        json.WriteNumber("bytes", scan.Length);
        json.WriteNumber("raw_bytes", scan.RawBytes);
        json.WriteNumber("blocks", scan.Blocks);
        json.WriteNumber("records", scan.Records);
        json.WriteNumber("first_received_at", scan.FirstAt);
        json.WriteNumber("last_received_at", scan.LastAt);
        json.WriteString("first", Time(scan.FirstAt));
        json.WriteString("last", Time(scan.LastAt));
        json.WriteNumber("session_low", scan.SessionLow);
        json.WriteNumber("session_high", scan.SessionHigh);
        json.WriteNumber("tail_bytes", scan.Length - scan.WholeEnd);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, Damage damage)
    {
        json.WriteStartObject();
        json.WriteString("segment", damage.Segment);
        json.WriteNumber("from_offset", damage.FromOffset);
        json.WriteNumber("to_offset", damage.ToOffset);
        json.WriteNumber("after_received_at", damage.AfterReceivedAt);
        json.WriteNumber("before_received_at", damage.BeforeReceivedAt);
        json.WriteString("cause", damage.Cause);
        json.WriteEndObject();
    }

    private readonly record struct Totals(long Bytes, long RawBytes, long Blocks, long Records, long FirstAt, long LastAt)
    {
        public Totals(JournalInspection inspection)
            : this(
                inspection.Segments.Sum(segment => segment.Scan.Length),
                inspection.Segments.Sum(segment => segment.Scan.RawBytes),
                inspection.Segments.Sum(segment => segment.Scan.Blocks),
                inspection.Segments.Sum(segment => segment.Scan.Records),
                inspection.Segments.Find(segment => segment.Scan.Blocks > 0)?.Scan.FirstAt ?? 0,
                inspection.Segments.FindLast(segment => segment.Scan.Blocks > 0)?.Scan.LastAt ?? 0)
        {
        }
    }
}
