using Kalshi.Daemon.Journal;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Journal;

/// <summary>What torn and flipped bytes may cost: the block they hit, reported exactly, and nothing else.</summary>
internal sealed class DamageTest
{
    [Test]
    public void A_journal_torn_at_any_byte_is_the_journal_of_its_whole_blocks_and_goes_on()
    {
        var random = Seeds.New(out _);
        using var journal = new JournalFixture();
        var ends = new List<(long Offset, int Records)> { (SegmentFormat.HeaderBytes, 0) };
        using (var writer = journal.Open())
        {
            for (var block = 0; block < 4; block++)
            {
                for (var i = 0; i <= block; i++)
                {
                    journal.Append(writer, block + 1, RecordKind.Frame, JournalFixture.RandomBytes(random, random.Next(0, 60)));
                }

                writer.Flush();
                ends.Add((writer.WrittenBytes, journal.Model.Count));
            }
        }

        var path = journal.SegmentPaths()[0];
        var whole = File.ReadAllBytes(path);
        for (var length = 0; length <= whole.Length; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            var kept = journal.Model[..ends.Last(end => end.Offset <= Math.Max(length, SegmentFormat.HeaderBytes)).Records];
            journal.AssertHolds(kept);
            long added;
            using (var writer = journal.Open())
            {
                Assert.That(writer.LastReceivedAt, Is.GreaterThanOrEqualTo(kept.Count == 0 ? 0 : kept[^1].ReceivedAt));
                added = writer.Append(journal.Now, 9, RecordKind.Frame, "more"u8);
            }

            journal.AssertHolds([.. kept, new Kept(added, 9, RecordKind.Frame, "more"u8.ToArray())]);
            foreach (var made in journal.SegmentPaths())
            {
                File.Delete(made);
            }
        }
    }

    [Test]
    public void Any_prefix_of_a_journal_of_many_segments_is_a_journal()
    {
        var random = Seeds.New(out _);
        using var journal = new JournalFixture(segmentBytesMax: 3_000);
        using (var writer = journal.Open())
        {
            journal.AppendRandom(writer, random, 120);
        }

        var paths = journal.SegmentPaths();
        for (var round = 0; round < 80; round++)
        {
            var copy = journal.CopyTo($"prefix-{round}");
            var last = random.Next(paths.Length);
            for (var later = last + 1; later < paths.Length; later++)
            {
                File.Delete(Path.Combine(copy, Path.GetFileName(paths[later])));
            }

            using (var file = new FileStream(Path.Combine(copy, Path.GetFileName(paths[last])), FileMode.Open))
            {
                file.SetLength(random.NextInt64(file.Length + 1));
            }

            var (records, damages) = JournalFixture.ReadAll(copy);
            Assert.That(damages, Is.Empty);
            Assert.That(records, Is.EqualTo(journal.Model.Take(records.Count)));
            Assert.That(records.Count, Is.GreaterThanOrEqualTo(journal.Model.Count(record => record.ReceivedAt < long.Parse(Path.GetFileNameWithoutExtension(paths[last])))));
            Assert.That(JournalInspection.Run(copy).Damages, Is.Empty);
        }
    }

    [Test]
    public void A_flipped_bit_costs_its_block_and_no_other_record([Values] bool isFollowedByASegment)
    {
        var random = Seeds.New(out _);
        using var journal = new JournalFixture();
        var blocks = new List<(long From, long To, List<Kept> Records)>();
        using (var writer = journal.Open())
        {
            for (var block = 0; block < 5; block++)
            {
                var from = Math.Max(writer.WrittenBytes, SegmentFormat.HeaderBytes);
                var first = journal.Model.Count;
                for (var i = random.Next(1, 4); i > 0; i--)
                {
                    journal.Append(writer, 1, RecordKind.Frame, JournalFixture.RandomBytes(random, random.Next(0, 40)));
                }

                writer.Flush();
                blocks.Add((from, writer.WrittenBytes, journal.Model[first..]));
            }
        }

        var path = journal.SegmentPaths()[0];
        var whole = File.ReadAllBytes(path);
        List<Kept> later = [];
        if (isFollowedByASegment)
        {
            using var writer = journal.Open();
            later.Add(new Kept(writer.Append(journal.Now, 2, RecordKind.Frame, "later"u8), 2, RecordKind.Frame, "later"u8.ToArray()));
        }

        for (var bit = 0; bit < whole.Length * 8; bit++)
        {
            var flipped = whole.ToArray();
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            File.WriteAllBytes(path, flipped);
            var hit = blocks.FindIndex(block => bit / 8 >= block.From && bit / 8 < block.To);
            var expected = blocks.Where((_, index) => index != hit).SelectMany(block => block.Records).Concat(later).ToList();
            var (records, damages) = JournalFixture.ReadAll(journal.Directory_);
            Assert.That(records, Is.EqualTo(expected), $"bit {bit}");
            AssertReported(blocks, hit, later, damages, bit);
        }
    }

    private static void AssertReported(List<(long From, long To, List<Kept> Records)> blocks, int hit, List<Kept> later, List<Damage> damages, int bit)
    {
        if (hit == blocks.Count - 1 && later.Count == 0)
        {
            Assert.That(damages, Is.Empty, $"bit {bit}: the tail of the newest segment is its end");
            return;
        }

        Assert.That(damages, Has.Count.EqualTo(1), $"bit {bit}");
        var before = hit == blocks.Count - 1 ? later[0].ReceivedAt : blocks[hit + 1].Records[0].ReceivedAt;
        var after = hit <= 0 ? 0 : blocks[hit - 1].Records[^1].ReceivedAt;
        var (from, to) = hit < 0 ? (0, SegmentFormat.HeaderBytes) : (blocks[hit].From, blocks[hit].To);
        Assert.That((damages[0].FromOffset, damages[0].ToOffset, damages[0].AfterReceivedAt, damages[0].BeforeReceivedAt),
            Is.EqualTo((from, to, after, before)), $"bit {bit}: {damages[0]}");
    }
}
