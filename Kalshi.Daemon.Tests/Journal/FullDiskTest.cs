using System.Diagnostics;
using Kalshi.Daemon.Journal;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Journal;

/// <summary>A disk that is really full: a tmpfs of 2 MiB, which only root may mount.</summary>
internal sealed class FullDiskTest
{
    private string _mount = "";

    [SetUp]
    public void Mount()
    {
        _mount = Directory.CreateTempSubdirectory("kalshid-full-").FullName;
        if (!OperatingSystem.IsLinux() || Run("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", _mount) != 0)
        {
            Directory.Delete(_mount);
            _mount = "";
            Assert.Ignore("mounting a small tmpfs needs root");
        }
    }

    [TearDown]
    public void Unmount()
    {
        if (_mount.Length > 0)
        {
            Run("umount", _mount);
            Directory.Delete(_mount);
        }
    }

    [Test]
    public void A_full_disk_refuses_the_block_and_takes_it_once_there_is_room([Values(4_096, 256 << 20)] long segmentBytesMax)
    {
        var random = Seeds.New(out _);
        var filler = Path.Combine(_mount, "filler");
        File.WriteAllBytes(filler, new byte[1_200 << 10]);
        var settings = new JournalSettings(Path.Combine(_mount, "journal"), segmentBytesMax, 1, 1 << 20);
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

            File.Delete(filler);
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
        File.WriteAllBytes(Path.Combine(_mount, "filler"), new byte[1_200 << 10]);
        var settings = new JournalSettings(Path.Combine(_mount, "journal"), 256 << 20, 1, 1 << 20);
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
        File.Delete(Path.Combine(_mount, "filler"));
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

    private static int Run(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return -1;
        }
    }
}
