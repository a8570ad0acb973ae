using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using Microsoft.Extensions.Logging;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Journal;

internal sealed class RetentionTest
{
    [Test]
    public void A_segment_goes_when_time_and_every_cursor_have_passed_it()
    {
        using var journal = WriteTenSegments(out var names);
        var day = TimeSpan.FromDays(1);
        SetCursor(journal, "store", names[5]);
        SetCursor(journal, "export", names[3] - 1);

        Assert.That(Apply(journal, day, now: names[9] + Micros.PerDay - 1), Is.EqualTo(2), "segment 2 has an unread record for all export knows");
        SetCursor(journal, "export", names[9]);
        Assert.That(Apply(journal, day, now: names[4] + Micros.PerDay), Is.EqualTo(2), "time has passed the end of segment 3 only");
        Assert.That(Apply(journal, day, now: names[9] + Micros.PerDay), Is.EqualTo(1), "store has passed the end of segment 4 only");
        SetCursor(journal, "store", long.MaxValue);
        Assert.That(Apply(journal, day, now: names[9] + (10 * Micros.PerDay)), Is.EqualTo(4), "the newest stays");
        Assert.That(journal.SegmentPaths(), Has.Length.EqualTo(1));
    }

    [Test]
    public void Without_cursors_time_alone_decides_and_a_broken_cursor_keeps_everything()
    {
        using var journal = WriteTenSegments(out var names);
        Directory.CreateDirectory(journal.CursorDirectory);
        File.WriteAllText(Path.Combine(journal.CursorDirectory, "export"), "12x\n");
        Assert.That(Apply(journal, TimeSpan.FromDays(1), long.MaxValue), Is.Zero);
        File.Delete(Path.Combine(journal.CursorDirectory, "export"));
        Assert.That(Apply(journal, TimeSpan.FromDays(1), names[2] + Micros.PerDay), Is.EqualTo(2));
    }

    [Test]
    public void Over_the_budget_the_alarm_comes_once_and_only_read_segments_go()
    {
        using var journal = WriteTenSegments(out var names);
        var log = new CountingLog();
        var budget = 2 * new FileInfo(journal.SegmentPaths()[0]).Length;
        var retention = new Retention(journal.Directory_, TimeSpan.FromDays(1), budget, log);

        Assert.That(retention.Apply(names[9]), Is.Zero, "nobody has read anything");
        SetCursor(journal, "export", names[4]);
        Assert.That(retention.Apply(names[9]), Is.EqualTo(4));
        Assert.That(retention.Apply(names[9]), Is.Zero);
        Assert.That(log.Errors, Is.EqualTo(1), "one alarm an episode");

        SetCursor(journal, "export", names[9]);
        Assert.That(retention.Apply(names[9]), Is.EqualTo(4), "down to the budget, not further");
        Assert.That(journal.SegmentPaths(), Has.Length.EqualTo(2));
        Assert.That(retention.Apply(names[9]), Is.Zero);
        Assert.That(log.Errors, Is.EqualTo(1));
    }

    [Test]
    public void A_reader_whose_next_segment_was_removed_goes_on_with_the_one_after_and_says_so()
    {
        using var journal = WriteTenSegments(out var names);
        using var reader = new JournalReader(journal.Directory_);
        Assert.That(reader.TryRead(out _), Is.True);
        Assert.That(Apply(journal, TimeSpan.Zero, names[4]), Is.EqualTo(4));
        var read = JournalFixture.ReadAll(reader);
        Assert.That(read, Is.EqualTo(journal.Model.Skip(1).Where(record => record.ReceivedAt < names[1] || record.ReceivedAt >= names[4])));
        Assert.That(reader.Damages, Has.Count.EqualTo(1));
        Assert.That(reader.Damages[0].BeforeReceivedAt, Is.EqualTo(names[4]));
        Assert.That(JournalFixture.ReadAll(journal.Directory_).Damages, Is.Empty, "who starts at the beginning misses nothing that is there");
        Assert.That(JournalFixture.ReadAll(journal.Directory_, names[2]).Damages, Has.Count.EqualTo(1), "who had read to a point that is gone does");
    }

    [Test]
    public void Upkeep_compresses_and_removes_beside_a_live_writer()
    {
        using var journal = WriteTenSegments(out var names);
        using (new JournalUpkeep(journal.Directory_, isCompressing: true, TimeSpan.FromDays(1), diskBudget: 0, JournalFixture.Log, intervalMs: 1))
        {
            // The stamps lie in the past by more than a day: all but the newest go, compressed or not.
            JournalFixture.Eventually(() => journal.SegmentPaths().Length == 1);
        }
    }

    private static int Apply(JournalFixture journal, TimeSpan retention, long now) =>
        new Retention(journal.Directory_, retention, diskBudget: 0, JournalFixture.Log).Apply(now);

    private static void SetCursor(JournalFixture journal, string name, long position)
    {
        Directory.CreateDirectory(journal.CursorDirectory);
        File.WriteAllText(Path.Combine(journal.CursorDirectory, name), $"{position}\n");
    }

    private static JournalFixture WriteTenSegments(out long[] names)
    {
        var journal = new JournalFixture(segmentBytesMax: 4_096);
        journal.Now = 1_600_000_000_000_000;
        using (var writer = journal.Open())
        {
            for (var i = 0; i < 30; i++)
            {
                journal.Now += Micros.PerSecond;
                journal.Append(writer, 1, RecordKind.Frame, new byte[1_200]);
                writer.Flush();
            }
        }

        names = journal.SegmentPaths().Select(path => long.Parse(Path.GetFileNameWithoutExtension(path))).ToArray();
        Assert.That(names, Has.Length.EqualTo(10));
        return journal;
    }

    private sealed class CountingLog : ILogger
    {
        public int Errors { get; private set; }

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Errors += logLevel == LogLevel.Error ? 1 : 0;
    }
}
