using Kalshi.Daemon.Journal;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Journal;

internal sealed class JournalReaderTest
{
    [Test]
    public void A_missing_directory_is_an_empty_journal_that_may_come_to_life()
    {
        using var journal = new JournalFixture();
        using var reader = new JournalReader(journal.Directory_);
        Assert.That(reader.TryRead(out _), Is.False);
        using var writer = journal.Open();
        Assert.That(reader.TryRead(out _), Is.False);
        journal.Append(writer, 1, RecordKind.Frame, [1, 2, 3]);
        Assert.That(reader.TryRead(out _), Is.False, "appended but not written");
        writer.Flush();
        Assert.That(JournalFixture.ReadAll(reader), Is.EqualTo(journal.Model));
        Assert.That(reader.Position, Is.EqualTo(journal.Model[^1].ReceivedAt));
    }

    [Test]
    public void A_reader_follows_a_live_writer_over_rolls_and_misses_nothing()
    {
        var random = Seeds.New(out _);
        using var journal = new JournalFixture(segmentBytesMax: 32 << 10);
        using var writer = journal.Open();
        var read = new List<Kept>();
        IReadOnlyList<Damage> damages = [];
        var isDone = false;
        var follower = new Thread(() =>
        {
            using var reader = new JournalReader(journal.Directory_);
            while (true)
            {
                var isLast = Volatile.Read(ref isDone);
                read.AddRange(JournalFixture.ReadAll(reader));
                if (isLast)
                {
                    break;
                }
            }

            damages = reader.Damages;
        });
        follower.Start();
        for (var i = 0; i < 300; i++)
        {
            journal.AppendRandom(writer, random, 40, bytesMax: i % 20 == 0 ? 20_000 : 300);
        }

        Volatile.Write(ref isDone, true);
        follower.Join();
        Assert.That(damages, Is.Empty);
        Assert.That(read, Is.EqualTo(journal.Model));
    }

    [Test]
    public void Any_position_and_any_end_give_exactly_the_records_between()
    {
        var random = Seeds.New(out _);
        using var journal = new JournalFixture(segmentBytesMax: 3 << 20);
        using (var writer = journal.Open())
        {
            for (var i = 0; i < 4_000; i++)
            {
                journal.Now += random.Next(0, 9);
                journal.Append(writer, 1, RecordKind.Frame, JournalFixture.RandomBytes(random, random.Next(0, 5_000)));
                if (i % 7 == 0)
                {
                    writer.Flush();
                }
            }
        }

        var last = journal.Model[^1].ReceivedAt;
        for (var i = 0; i < 60; i++)
        {
            var after = i == 0 ? 0 : JournalFixture.Start - 5 + random.NextInt64(last - JournalFixture.Start + 10);
            var until = after + random.NextInt64(2_000);
            var (records, damages) = JournalFixture.ReadAll(journal.Directory_, after, until);
            Assert.That(damages, Is.Empty);
            Assert.That(records, Is.EqualTo(journal.Model.Where(record => record.ReceivedAt > after && record.ReceivedAt <= until)), $"({after}, {until}]");
        }
    }

    [Test]
    public void A_live_torn_tail_is_the_end_until_it_is_whole()
    {
        using var journal = new JournalFixture();
        using (var writer = journal.Open())
        {
            journal.Append(writer, 1, RecordKind.Frame, new byte[50]);
            writer.Flush();
            journal.Append(writer, 1, RecordKind.Frame, new byte[70]);
            writer.Flush();
        }

        var path = journal.SegmentPaths()[0];
        var whole = File.ReadAllBytes(path);
        for (var length = 0; length < whole.Length; length++)
        {
            File.WriteAllBytes(path, whole[..length]);
            using var reader = new JournalReader(journal.Directory_);
            var read = JournalFixture.ReadAll(reader);
            using (var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            {
                file.Position = length;
                file.Write(whole.AsSpan(length));
            }

            read.AddRange(JournalFixture.ReadAll(reader));
            Assert.That(read, Is.EqualTo(journal.Model), $"cut at {length}");
            Assert.That(reader.Damages, Is.Empty);
        }
    }

    [Test]
    public void A_segment_that_is_gone_is_reported_with_the_stamps_around_it()
    {
        var random = Seeds.New(out _);
        using var journal = new JournalFixture(segmentBytesMax: 8 << 10);
        using (var writer = journal.Open())
        {
            journal.AppendRandom(writer, random, 500);
        }

        var paths = journal.SegmentPaths();
        var from = long.Parse(Path.GetFileNameWithoutExtension(paths[3]));
        var to = long.Parse(Path.GetFileNameWithoutExtension(paths[4]));
        File.Delete(paths[3]);
        var (records, damages) = JournalFixture.ReadAll(journal.Directory_);
        Assert.That(records, Is.EqualTo(journal.Model.Where(record => record.ReceivedAt < from || record.ReceivedAt >= to)));
        Assert.That(damages, Has.Count.EqualTo(1));
        Assert.That((damages[0].AfterReceivedAt, damages[0].BeforeReceivedAt), Is.EqualTo((journal.Model.Last(record => record.ReceivedAt < from).ReceivedAt, to)));
    }
}
