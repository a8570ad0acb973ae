using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Journal;

/// <summary>The recovery decision table, label by label, and what recovery must leave alone.</summary>
internal sealed class RecoveryTest
{
    private static readonly string[] Labels = [.. Recovery.Table.Select(rule => rule.Label)];

    [TestCaseSource(nameof(Labels))]
    public void Each_label_of_the_table_is_decided_as_it_says(string label)
    {
        using var journal = new JournalFixture();
        var rule = Recovery.Table.Single(rule => rule.Label == label);
        var (path, wholeEnd) = WriteOneSegment(journal);
        var whole = File.ReadAllBytes(path);
        byte[] zeros = new byte[9_000];
        File.WriteAllBytes(path, label switch
        {
            "clean" => whole,
            "preallocated" => [.. whole, .. zeros],
            "torn" => [.. whole, .. whole.AsSpan(SegmentFormat.HeaderBytes, 40)],
            "empty" => whole[..SegmentFormat.HeaderBytes],
            "unwritten" => zeros,
            "stillborn" => whole[..(SegmentFormat.HeaderBytes + 31)],
            _ => throw new ArgumentException($"This test does not know the label {label}."),
        });

        var recovered = Recovery.Run(journal.Directory_, JournalFixture.Log);

        Assert.That(recovered.Steps.Single().Rule, Is.SameAs(rule));
        Assert.That(recovered.Damages, Is.Empty);
        Assert.That(File.Exists(path), Is.EqualTo(rule.Action != RecoveryAction.Remove));
        if (rule.HasBlocks)
        {
            Assert.That(new FileInfo(path).Length, Is.EqualTo(wholeEnd));
            Assert.That(recovered.LastReceivedAt, Is.EqualTo(journal.Model[^1].ReceivedAt));
            Assert.That(recovered.FirstFreeSession, Is.EqualTo(8));
            journal.AssertHolds(journal.Model);
        }
        else
        {
            Assert.That(recovered.LastReceivedAt, Is.Zero);
            Assert.That(recovered.FirstFreeSession, Is.EqualTo(label == "unwritten" ? 1 : 8), "its sessions may have been seen too");
            Assert.That(recovered.StampFloor, Is.EqualTo(journal.Model[0].ReceivedAt), "its records may have been seen before they were lost");
        }
    }

    [Test]
    public void Every_combination_of_blocks_and_tail_has_exactly_one_rule()
    {
        foreach (var hasBlocks in (bool[])[true, false])
        {
            foreach (var tail in Enum.GetValues<SegmentTail>())
            {
                Assert.That(Recovery.Table.Count(rule => rule.HasBlocks == hasBlocks && rule.Tail == tail), Is.EqualTo(1));
            }
        }
    }

    [Test]
    public void A_segment_with_nothing_whole_makes_the_one_before_it_the_newest()
    {
        using var journal = new JournalFixture();
        WriteOneSegment(journal);
        using (var writer = journal.Open())
        {
            writer.Append(journal.Now + 100, 30, RecordKind.Frame, new byte[50]);
        }

        var newest = journal.SegmentPaths()[^1];
        File.WriteAllBytes(newest, File.ReadAllBytes(newest)[..120]);
        using (var writer = journal.Open())
        {
            Assert.That(writer.FirstFreeSession, Is.EqualTo(31), "the header was whole");
            Assert.That(File.Exists(newest), Is.False);
            journal.Append(writer, 8, RecordKind.Frame, new byte[3]);
            Assert.That(journal.Model[^1].ReceivedAt, Is.GreaterThan(long.Parse(Path.GetFileNameWithoutExtension(newest))));
        }

        journal.AssertHolds(journal.Model);
    }

    [Test]
    public void Damage_in_the_middle_is_reported_and_left_alone_while_the_tail_is_cut()
    {
        using var journal = new JournalFixture();
        var (path, _) = WriteOneSegment(journal);
        var bytes = File.ReadAllBytes(path);
        bytes[SegmentFormat.HeaderBytes + 40] ^= 1;
        File.WriteAllBytes(path, [.. bytes, 1, 2, 3]);

        var recovered = Recovery.Run(journal.Directory_, JournalFixture.Log);

        Assert.That(File.ReadAllBytes(path), Is.EqualTo(bytes));
        Assert.That(recovered.Damages, Has.Count.EqualTo(1));
        Assert.That(recovered.Damages[0].FromOffset, Is.EqualTo(SegmentFormat.HeaderBytes));
        Assert.That(recovered.Damages[0].BeforeReceivedAt, Is.EqualTo(journal.Model[1].ReceivedAt));
    }

    [Test]
    public void A_journal_of_another_version_is_refused_and_not_touched()
    {
        using var journal = new JournalFixture();
        var (path, _) = WriteOneSegment(journal);
        var bytes = File.ReadAllBytes(path);
        bytes[8]++;
        BitConverter.TryWriteBytes(bytes.AsSpan(SegmentFormat.HeaderBytes - 4), Crc32C.Of(bytes.AsSpan(0, SegmentFormat.HeaderBytes - 4)));
        File.WriteAllBytes(path, bytes);

        Assert.Throws<SetupException>(() => journal.Open());
        Assert.That(File.ReadAllBytes(path), Is.EqualTo(bytes));
        var (records, damages) = JournalFixture.ReadAll(journal.Directory_);
        Assert.That(records, Is.Empty);
        Assert.That(damages.Single().Cause, Does.Contain("version"));
    }

    [Test]
    public void A_crash_between_any_two_writes_of_a_roll_loses_nothing_that_was_written()
    {
        var random = Seeds.New(out _);
        using var journal = new JournalFixture(segmentBytesMax: 2_000);
        using var writer = journal.Open();
        for (var step = 0; step < 60; step++)
        {
            journal.Append(writer, step, RecordKind.Frame, JournalFixture.RandomBytes(random, random.Next(0, 900)));
            writer.Flush();
            var written = journal.Model.ToList();
            var copy = journal.CopyTo($"crash-{step}");
            AssertContinues(copy, written);
            TearNewest(copy, random);
            var (records, damages) = JournalFixture.ReadAll(copy);
            Assert.That(damages, Is.Empty);
            Assert.That(records, Is.EqualTo(written.Take(records.Count)), "a prefix");
            AssertContinues(copy, records);
        }
    }

    private static void TearNewest(string directory, Random random)
    {
        var newest = Directory.GetFiles(directory, "*.kj").Max(StringComparer.Ordinal)!;
        using var file = new FileStream(newest, FileMode.Open);
        file.SetLength(random.NextInt64(file.Length));
    }

    private static void AssertContinues(string directory, List<Kept> expected)
    {
        Kept added;
        using (var writer = JournalWriter.Open(new JournalSettings(directory, 2_000, 1, 1 << 20), JournalFixture.Log))
        {
            Assert.That(writer.FirstFreeSession, Is.GreaterThan(expected.Count == 0 ? 0 : expected.Max(record => record.Session)));
            added = new Kept(writer.Append(1, 0, RecordKind.ProcessStarted, "{}"u8), 0, RecordKind.ProcessStarted, "{}"u8.ToArray());
        }

        var (records, damages) = JournalFixture.ReadAll(directory);
        Assert.That(damages, Is.Empty);
        Assert.That(records, Is.EqualTo(expected.Append(added)));
        File.Delete(Directory.GetFiles(directory, "*.kj").Max(StringComparer.Ordinal)!);
    }

    private static (string Path, long WholeEnd) WriteOneSegment(JournalFixture journal)
    {
        using var writer = journal.Open();
        journal.Append(writer, 7, RecordKind.Frame, new byte[100]);
        writer.Flush();
        journal.Append(writer, 2, RecordKind.Frame, new byte[80]);
        writer.Flush();
        return (journal.SegmentPaths()[0], writer.WrittenBytes);
    }
}
