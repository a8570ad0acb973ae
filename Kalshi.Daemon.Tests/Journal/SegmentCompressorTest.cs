using Kalshi.Daemon.Journal;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Journal;

internal sealed class SegmentCompressorTest
{
    [Test]
    public void Compressed_segments_read_as_the_originals_from_any_position()
    {
        var random = Seeds.New(out _);
        using var journal = new JournalFixture(segmentBytesMax: 3 << 19);
        WriteSegments(journal, random);
        Assert.That(Compress(journal), Is.GreaterThan(2));
        Assert.That(journal.SegmentPaths().Count(path => path.EndsWith(".kjz")), Is.EqualTo(journal.SegmentPaths().Length - 1));
        journal.AssertHolds(journal.Model);
        for (var i = 0; i < 40; i++)
        {
            var after = journal.Model[random.Next(journal.Model.Count)].ReceivedAt - random.Next(2);
            var until = after + random.NextInt64(4_000);
            Assert.That(JournalFixture.ReadAll(journal.Directory_, after, until).Records,
                Is.EqualTo(journal.Model.Where(record => record.ReceivedAt > after && record.ReceivedAt <= until)));
        }
    }

    [Test]
    public void A_reader_in_the_middle_of_a_segment_carries_on_when_it_is_swapped()
    {
        var random = Seeds.New(out _);
        using var journal = new JournalFixture(segmentBytesMax: 1 << 20);
        WriteSegments(journal, random);
        using var reader = new JournalReader(journal.Directory_);
        var read = new List<Kept>();
        var swapAt = random.Next(journal.Model.Count);
        while (reader.TryRead(out var record))
        {
            read.Add(new Kept(record.ReceivedAt, record.Session, record.Kind, record.Bytes.ToArray()));
            if (read.Count == swapAt)
            {
                Compress(journal);
            }
        }

        Assert.That(reader.Damages, Is.Empty);
        Assert.That(read, Is.EqualTo(journal.Model));
    }

    [Test]
    public void Readers_writer_and_compressor_run_together()
    {
        var random = Seeds.New(out _);
        using var journal = new JournalFixture(segmentBytesMax: 48 << 10);
        using var writer = journal.Open();
        var isDone = false;
        var failures = 0;
        var readers = Enumerable.Range(0, 2).Select(_ => new Thread(() =>
        {
            using var reader = new JournalReader(journal.Directory_);
            var count = 0;
            while (true)
            {
                var isLast = Volatile.Read(ref isDone);
                while (reader.TryRead(out var record))
                {
                    lock (journal.Model)
                    {
                        var expected = journal.Model[count++];
                        failures += expected.ReceivedAt == record.ReceivedAt && record.Bytes.SequenceEqual(expected.Bytes) ? 0 : 1;
                    }
                }

                if (isLast)
                {
                    break;
                }
            }

            Interlocked.Add(ref failures, reader.Damages.Count + (count == journal.Model.Count ? 0 : 1));
        })).ToList();
        readers.Add(new Thread(() =>
        {
            using var compressor = new SegmentCompressor(journal.Directory_, JournalFixture.Log);
            while (!Volatile.Read(ref isDone))
            {
                compressor.CompressSealed(() => false);
            }
        }));
        readers.ForEach(thread => thread.Start());
        for (var i = 0; i < 150; i++)
        {
            lock (journal.Model)
            {
                journal.AppendRandom(writer, random, 50);
            }
        }

        Volatile.Write(ref isDone, true);
        readers.ForEach(thread => thread.Join());
        Assert.That(failures, Is.Zero);
        journal.AssertHolds(journal.Model);
    }

    [Test]
    public void A_crash_at_any_step_of_the_swap_leaves_one_whole_segment()
    {
        var random = Seeds.New(out _);
        using var journal = new JournalFixture(segmentBytesMax: 64 << 10);
        WriteSegments(journal, random, records: 600);
        var first = journal.SegmentPaths()[0];
        var raw = File.ReadAllBytes(first);
        Compress(journal);
        var compressed = Path.ChangeExtension(first, ".kjz");
        var packed = File.ReadAllBytes(compressed);

        // Between rename and removal both are there.
        File.WriteAllBytes(first, raw);
        journal.AssertHolds(journal.Model);
        Compress(journal);
        Assert.That(File.Exists(first), Is.False);

        // In the middle of writing: a temporary file, whatever it holds, is no segment.
        File.Delete(compressed);
        File.WriteAllBytes(first, raw);
        File.WriteAllBytes(compressed + ".tmp", packed[..random.Next(packed.Length)]);
        journal.AssertHolds(journal.Model);
        using (journal.Open())
        {
            Assert.That(Directory.GetFiles(journal.Directory_, "*.tmp"), Is.Empty);
        }

        File.WriteAllBytes(compressed, packed);
        using (journal.Open())
        {
            Assert.That((File.Exists(first), File.Exists(compressed)), Is.EqualTo((false, true)));
        }

        journal.AssertHolds(journal.Model);
    }

    [Test]
    public void A_damaged_segment_is_left_as_it_is()
    {
        var random = Seeds.New(out _);
        using var journal = new JournalFixture(segmentBytesMax: 64 << 10);
        WriteSegments(journal, random, records: 600);
        var path = journal.SegmentPaths()[0];
        var bytes = File.ReadAllBytes(path);
        bytes[random.Next(bytes.Length)] ^= 0x10;
        File.WriteAllBytes(path, bytes);
        Compress(journal);
        Assert.That(File.ReadAllBytes(path), Is.EqualTo(bytes));
        Assert.That(JournalFixture.ReadAll(journal.Directory_).Damages, Has.Count.EqualTo(1));
    }

    [Test]
    public void A_flipped_byte_of_a_compressed_segment_costs_its_chunk_and_is_reported()
    {
        var random = Seeds.New(out _);
        using var journal = new JournalFixture(segmentBytesMax: 8 << 20);
        WriteSegments(journal, random, records: 6_000);
        Compress(journal);
        var path = journal.SegmentPaths()[0];
        var whole = File.ReadAllBytes(path);
        for (var i = 0; i < 150; i++)
        {
            var bytes = whole.ToArray();
            var at = i < SegmentFormat.HeaderBytes ? i : random.Next(bytes.Length);
            bytes[at] ^= (byte)random.Next(1, 256);
            File.WriteAllBytes(path, bytes);
            var (records, damages) = JournalFixture.ReadAll(journal.Directory_);
            Assert.That(damages, Has.Count.EqualTo(1), $"byte {at}");
            var damage = damages[0];
            Assert.That(at, Is.InRange(damage.FromOffset, damage.ToOffset - 1));
            var expected = at < SegmentFormat.HeaderBytes ? journal.Model
                : journal.Model.Where(record => record.ReceivedAt <= damage.AfterReceivedAt || record.ReceivedAt >= damage.BeforeReceivedAt);
            Assert.That(records, Is.EqualTo(expected), $"byte {at}");
        }
    }

    [Test]
    public void Recovery_goes_on_after_a_compressed_newest_segment()
    {
        var random = Seeds.New(out _);
        using var journal = new JournalFixture(segmentBytesMax: 64 << 10);
        WriteSegments(journal, random, records: 600);
        Compress(journal);
        var newest = journal.SegmentPaths()[^1];
        journal.Model.RemoveAll(record => record.ReceivedAt >= long.Parse(Path.GetFileNameWithoutExtension(newest)));
        File.Delete(newest);
        using (var writer = journal.Open())
        {
            Assert.That(writer.FirstFreeSession, Is.EqualTo(journal.Model.Max(record => record.Session) + 1));
            journal.Append(writer, 1, RecordKind.Frame, [1]);
        }

        journal.AssertHolds(journal.Model);
    }

    private static void WriteSegments(JournalFixture journal, Random random, int records = 8_000)
    {
        using var writer = journal.Open();
        for (var i = 0; i < records; i++)
        {
            journal.Now += random.Next(0, 5);
            var text = $$"""{"type":"orderbook_delta","sid":1,"seq":{{i}},"msg":{"market_ticker":"KXGOLD15M-26AUG050000-00","delta_fp":"{{random.Next(1_000)}}.00" } }""";
            journal.Append(writer, random.Next(1, 9), RecordKind.Frame, i % 500 == 7 ? JournalFixture.RandomBytes(random, random.Next(0, 900_000)) : System.Text.Encoding.UTF8.GetBytes(text));
            if (random.Next(6) == 0)
            {
                writer.Flush();
            }
        }
    }

    private static int Compress(JournalFixture journal)
    {
        using var compressor = new SegmentCompressor(journal.Directory_, JournalFixture.Log);
        return compressor.CompressSealed(() => false);
    }
}
