using Kalshi.Daemon.Journal;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Journal;

/// <summary>A disk that is really full.</summary>
internal sealed class FullDiskTest
{
    private SmallDisk? _disk;

    [SetUp]
    public void Mount() => _disk = SmallDisk.MountOrSkip(megabytes: 2);

    [TearDown]
    public void Unmount() => _disk?.Dispose();

    [Test]
    public void A_full_disk_refuses_the_block_and_takes_it_once_there_is_room([Values(4_096, 256 << 20)] long segmentBytesMax)
    {
        var random = Seeds.New(out _);
        _disk!.Fill(leaveBytes: 848 << 10);
        var settings = new JournalSettings(Path.Combine(_disk.Path, "journal"), segmentBytesMax, 1, 1 << 20);
        var model = new List<Kept>();
        using (var writer = JournalWriter.Open(settings, JournalFixture.Log))
        {
            while (Append(writer, model, random) == FlushVerdict.Written)
            {
                Assert.That(writer.Refusal, Is.Null);
            }

            var written = writer.Written;
            Assert.That(writer.Refusal, Is.InstanceOf<IOException>());
            Assert.That(writer.PendingBytes, Is.GreaterThan(0));
            for (var i = 0; i < 300; i++)
            {
                Assert.That(writer.HasRoom(1_000), Is.True);
                Append(writer, model, random);
            }

            Assert.That(writer.Written, Is.EqualTo(written), "nothing is published that is not in the file");
            AssertHolds(settings, model.Where(record => record.ReceivedAt <= written));

            _disk.Free();
            Assert.That(writer.Flush(), Is.EqualTo(FlushVerdict.Written));
            Assert.That(writer.Refusal, Is.Null);
            Assert.That(writer.Written, Is.EqualTo(model[^1].ReceivedAt));
            AssertHolds(settings, model);
            Append(writer, model, random);
        }

        AssertHolds(settings, model);
        using (var writer = JournalWriter.Open(settings, JournalFixture.Log))
        {
            Assert.That(writer.LastReceivedAt, Is.EqualTo(model[^1].ReceivedAt));
        }
    }

    [Test]
    public void A_kill_while_the_disk_refuses_keeps_all_that_was_written()
    {
        var random = Seeds.New(out _);
        _disk!.Fill(leaveBytes: 848 << 10);
        var settings = new JournalSettings(Path.Combine(_disk.Path, "journal"), 256 << 20, 1, 1 << 20);
        var model = new List<Kept>();
        using var writer = JournalWriter.Open(settings, JournalFixture.Log);
        while (Append(writer, model, random, bytesMax: 30_000) == FlushVerdict.Written)
        {
        }

        // What a kill leaves is what is in the directory now, the part of the refused write included.
        using var copy = new JournalFixture();
        Directory.CreateDirectory(copy.Directory_);
        foreach (var path in Directory.GetFiles(settings.Directory, "*.kj"))
        {
            File.Copy(path, Path.Combine(copy.Directory_, Path.GetFileName(path)));
        }

        var written = model.Where(record => record.ReceivedAt <= writer.Written).ToList();
        copy.AssertHolds(written);
        using (var next = copy.Open())
        {
            Assert.That(next.LastReceivedAt, Is.EqualTo(written[^1].ReceivedAt));
        }

        copy.AssertHolds(written);
        _disk.Free();
    }

    private static FlushVerdict Append(JournalWriter writer, List<Kept> model, Random random, int bytesMax = 1_000)
    {
        var bytes = JournalFixture.RandomBytes(random, random.Next(bytesMax));
        model.Add(new Kept(writer.Append(JournalFixture.Start, 1, RecordKind.Frame, bytes), 1, RecordKind.Frame, bytes));
        return writer.Flush();
    }

    private static void AssertHolds(JournalSettings settings, IEnumerable<Kept> expected)
    {
        var (records, damages) = JournalFixture.ReadAll(settings.Directory);
        Assert.That(damages, Is.Empty);
        Assert.That(records, Is.EqualTo(expected));
    }
}
