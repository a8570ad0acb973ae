using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Journal;

internal sealed class JournalWriterTest
{
    [Test]
    public void What_is_appended_is_read_back_over_rolls_and_restarts()
    {
        var random = Seeds.New(out _);
        using var journal = new JournalFixture(segmentBytesMax: 16 << 10);
        for (var run = 0; run < 5; run++)
        {
            using var writer = journal.Open();
            journal.AppendRandom(writer, random, 300);
            journal.AssertHolds(journal.Model);
        }

        journal.AssertHolds(journal.Model);
        Assert.That(journal.SegmentPaths(), Has.Length.GreaterThan(10));
    }

    [Test]
    public void Stamps_rise_strictly_when_the_clock_stands_or_steps_back_and_say_by_how_much()
    {
        using var journal = new JournalFixture();
        using var writer = journal.Open();
        Assert.That(writer.Append(1_000, 1, RecordKind.Frame, "a"u8), Is.EqualTo(1_000));
        Assert.That(writer.ClockBehind, Is.Zero);
        Assert.That(writer.Append(1_000, 1, RecordKind.Frame, "b"u8), Is.EqualTo(1_001));
        Assert.That(writer.Append(400, 1, RecordKind.Frame, "c"u8), Is.EqualTo(1_002));
        Assert.That(writer.ClockBehind, Is.EqualTo(601));
        Assert.That(writer.Append(2_000, 1, RecordKind.Frame, "d"u8), Is.EqualTo(2_000));
        Assert.That(writer.ClockBehind, Is.Zero);
        writer.Flush();
        Assert.That(JournalFixture.ReadAll(journal.Directory_).Records.Select(record => record.ReceivedAt), Is.EqualTo(new long[] { 1_000, 1_001, 1_002, 2_000 }));
    }

    [Test]
    public void A_restart_continues_stamps_and_sessions_although_the_clock_stepped_back()
    {
        using var journal = new JournalFixture();
        using (var writer = journal.Open())
        {
            Assert.That(writer.FirstFreeSession, Is.EqualTo(1));
            Assert.That(writer.LastReceivedAt, Is.Zero);
            writer.Append(5_000, 41, RecordKind.SessionOpened, "{}"u8);
            writer.Append(5_000, 0, RecordKind.RestPage, "{}"u8);
        }

        using (var writer = journal.Open())
        {
            Assert.That(writer.FirstFreeSession, Is.EqualTo(42));
            Assert.That(writer.LastReceivedAt, Is.EqualTo(5_001));
            Assert.That(writer.Append(3, 0, RecordKind.Frame, "x"u8), Is.EqualTo(5_002));
        }

        // The newest segment now names no session; its header remembers.
        using (var writer = journal.Open())
        {
            Assert.That(writer.FirstFreeSession, Is.EqualTo(42));
        }
    }

    [Test]
    public void A_restart_stamps_later_than_what_a_consumer_saw_of_records_the_disk_lost()
    {
        using var journal = new JournalFixture();
        using (var writer = journal.Open())
        {
            writer.Append(5_000, 1, RecordKind.Frame, "x"u8);
        }

        Directory.CreateDirectory(journal.CursorDirectory);
        File.WriteAllText(Path.Combine(journal.CursorDirectory, "store"), "7000\n");
        using (var writer = journal.Open())
        {
            Assert.That(writer.Append(6_000, 1, RecordKind.Frame, "y"u8), Is.EqualTo(7_001));
        }

        var (records, damages) = JournalFixture.ReadAll(journal.Directory_);
        Assert.That(records, Has.Count.EqualTo(2));
        Assert.That(damages, Is.Empty);
    }

    [Test]
    public void A_second_writer_is_refused_and_told_whom_to_stop()
    {
        using var journal = new JournalFixture();
        using (journal.Open())
        {
            var refusal = Assert.Throws<SetupException>(() => journal.Open());
            Assert.That(refusal!.Message, Does.Contain("kalshid gather").And.Contain(Environment.ProcessId.ToString()).And.Contain(journal.Directory_));
        }

        using var again = journal.Open();
    }

    [Test]
    public void Records_far_longer_than_a_block_pass_through()
    {
        var random = Seeds.New(out _);
        using var journal = new JournalFixture(segmentBytesMax: 16 << 20);
        using (var writer = journal.Open())
        {
            journal.AppendRandom(writer, random, 10);
            journal.Append(writer, 1, RecordKind.Frame, JournalFixture.RandomBytes(random, 5 << 20));
            journal.Append(writer, 1, RecordKind.Frame, JournalFixture.RandomBytes(random, 10));
            journal.Append(writer, 1, RecordKind.Frame, JournalFixture.RandomBytes(random, 60 << 20));
            journal.AppendRandom(writer, random, 10);
            journal.Append(writer, 1, RecordKind.Frame, JournalFixture.RandomBytes(random, SegmentFormat.RecordBytesMax));
            Assert.Throws<ArgumentOutOfRangeException>(() => writer.Append(1, 1, RecordKind.Frame, new byte[SegmentFormat.RecordBytesMax + 1]));
        }

        journal.AssertHolds(journal.Model);
    }

    [Test]
    public void Durable_follows_written_and_never_passes_it()
    {
        using var journal = new JournalFixture(segmentBytesMax: 64 << 10);
        using var writer = journal.Open();
        var random = Seeds.New(out _);
        for (var i = 0; i < 200; i++)
        {
            journal.AppendRandom(writer, random, 20);
            var durable = writer.Durable;
            Assert.That(durable, Is.LessThanOrEqualTo(writer.Written));
        }

        JournalFixture.Eventually(() => writer.Durable == writer.Written);
        Assert.That(writer.Written, Is.EqualTo(writer.LastReceivedAt));
    }

    [Test]
    public void A_file_is_as_long_as_what_was_written_to_it()
    {
        using var journal = new JournalFixture(segmentBytesMax: 8 << 20);
        using (var writer = journal.Open())
        {
            journal.Append(writer, 1, RecordKind.Frame, new byte[100]);
            writer.Flush();
            Assert.That(new FileInfo(journal.SegmentPaths()[0]).Length, Is.EqualTo(writer.WrittenBytes).And.EqualTo(96 + 32 + 20 + 100));
        }
    }
}
