using Kalshi.Daemon.Journal;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Journal;

/// <summary>A record as the model keeps it.</summary>
internal sealed record Kept(long ReceivedAt, int Session, RecordKind Kind, byte[] Bytes)
{
    public bool Equals(Kept? other) => other is not null && ReceivedAt == other.ReceivedAt && Session == other.Session
        && Kind == other.Kind && Bytes.AsSpan().SequenceEqual(other.Bytes);

    public override int GetHashCode() => ReceivedAt.GetHashCode();

    public override string ToString() => $"{ReceivedAt} session {Session} {Kind} {Bytes.Length} bytes";
}

/// <summary>A journal in a temporary data directory, and the model of what it must hold.</summary>
internal sealed class JournalFixture : IDisposable
{
    public const long Start = 1_790_000_000_000_000;

    private const string MemoryDirectory = "/dev/shm";

    private readonly string _dataDirectory;

    /// <summary>In memory where the system offers it: thousands of syncs cost nothing there.</summary>
    public JournalFixture(long segmentBytesMax = 1 << 20, int syncIntervalMs = 1, bool isOnDisk = false)
    {
        var parent = !isOnDisk && Directory.Exists(MemoryDirectory) ? MemoryDirectory : Path.GetTempPath();
        _dataDirectory = Path.Combine(parent, $"kalshid-journal-{Guid.NewGuid():N}");
        Directory.CreateDirectory(_dataDirectory);
        Settings = new JournalSettings(Path.Combine(_dataDirectory, "journal"), segmentBytesMax, syncIntervalMs, 1 << 20);
    }

    public JournalSettings Settings { get; }

    public string Directory_ => Settings.Directory;

    public string CursorDirectory => Path.Combine(_dataDirectory, "cursors");

    public List<Kept> Model { get; } = [];

    public long Now { get; set; } = Start;

    public static ILogger Log => NullLogger.Instance;

    public JournalWriter Open() => JournalWriter.Open(Settings, Log);

    public void Append(JournalWriter writer, int session, RecordKind kind, byte[] bytes) =>
        Model.Add(new Kept(writer.Append(Now, session, kind, bytes), session, kind, bytes));

    /// <summary>Appends and flushes random records, some equal in time, some blocks long.</summary>
    public void AppendRandom(JournalWriter writer, Random random, int records, int bytesMax = 400)
    {
        for (var i = 0; i < records; i++)
        {
            Now += random.Next(0, 3);
            Append(writer, random.Next(0, 5), (RecordKind)random.Next(1, 9), RandomBytes(random, random.Next(0, bytesMax)));
            if (random.Next(4) == 0)
            {
                Assert.That(writer.Flush(), Is.EqualTo(FlushVerdict.Written));
            }
        }

        Assert.That(writer.Flush(), Is.EqualTo(FlushVerdict.Written));
    }

    public static byte[] RandomBytes(Random random, int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }

    public string[] SegmentPaths() => Directory.GetFiles(Directory_, "*.kj*").Order(StringComparer.Ordinal).ToArray();

    public static List<Kept> ReadAll(JournalReader reader)
    {
        var records = new List<Kept>();
        while (reader.TryRead(out var record))
        {
            records.Add(new Kept(record.ReceivedAt, record.Session, record.Kind, record.Bytes.ToArray()));
        }

        return records;
    }

    public static (List<Kept> Records, List<Damage> Damages) ReadAll(string directory, long after = 0, long until = long.MaxValue)
    {
        using var reader = new JournalReader(directory, after, until);
        return (ReadAll(reader), [.. reader.Damages]);
    }

    public void AssertHolds(IReadOnlyList<Kept> expected)
    {
        var (records, damages) = ReadAll(Directory_);
        Assert.That(damages, Is.Empty);
        Assert.That(records, Is.EqualTo(expected));
    }

    /// <summary>Copies the journal as a crash at this instant would leave it (page cache kept).</summary>
    public string CopyTo(string name)
    {
        var copy = Path.Combine(_dataDirectory, name, "journal");
        Directory.CreateDirectory(copy);
        foreach (var path in SegmentPaths())
        {
            File.Copy(path, Path.Combine(copy, Path.GetFileName(path)), overwrite: true);
        }

        return copy;
    }

    public static void Eventually(Func<bool> condition, int limitMs = 20_000)
    {
        var deadline = Environment.TickCount64 + limitMs;
        while (!condition())
        {
            Assert.That(Environment.TickCount64, Is.LessThan(deadline), "not within the limit");
            Thread.Yield();
        }
    }

    public void Dispose() => Directory.Delete(_dataDirectory, recursive: true);
}
