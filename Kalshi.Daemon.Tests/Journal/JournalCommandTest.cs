using System.Text.Json;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Primitives;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Journal;

internal sealed class JournalCommandTest
{
    [Test]
    public void Inspect_lists_every_segment_and_exits_zero_only_without_damage()
    {
        using var journal = WriteSegments(Seeds.New(out _));
        using (var compressor = new SegmentCompressor(journal.Directory_, JournalFixture.Log))
        {
            compressor.CompressSealed(() => File.Exists(Path.Combine(journal.Directory_, SegmentName.Compressed(journal.Model[0].ReceivedAt))));
        }

        var (exit, root) = Inspect(journal);
        Assert.That(exit, Is.EqualTo(ExitCode.Ok));
        Assert.That(root.GetProperty("whole").GetBoolean(), Is.True);
        Assert.That(root.GetProperty("totals").GetProperty("records").GetInt64(), Is.EqualTo(journal.Model.Count));
        Assert.That(root.GetProperty("totals").GetProperty("last_received_at").GetInt64(), Is.EqualTo(journal.Model[^1].ReceivedAt));
        var states = root.GetProperty("segments").EnumerateArray().Select(segment => segment.GetProperty("state").GetString()).ToList();
        Assert.That(states[0], Is.EqualTo("compressed"));
        Assert.That(states[1..], Is.All.EqualTo("sealed"));

        Damage(journal, 2, at: 700);
        (exit, root) = Inspect(journal);
        Assert.That(exit, Is.EqualTo(ExitCode.Failed));
        Assert.That(root.GetProperty("damages").GetArrayLength(), Is.EqualTo(1));
        var text = new StringWriter();
        Assert.That(JournalCommand.Inspect(journal.Directory_, isJson: false, text), Is.EqualTo(ExitCode.Failed));
        Assert.That(text.ToString(), Does.Contain("DAMAGED").And.Contain("checksum differs"));
    }

    [Test]
    public void Inspect_and_a_reader_report_the_same_damage()
    {
        var random = Seeds.New(out _);
        for (var round = 0; round < 60; round++)
        {
            using var journal = WriteSegments(random, records: 120);
            for (var i = random.Next(4); i >= 0; i--)
            {
                switch (random.Next(3))
                {
                    case 0:
                        Damage(journal, random.Next(journal.SegmentPaths().Length), random.Next(4_000));
                        break;
                    case 1:
                        using (var file = new FileStream(journal.SegmentPaths()[random.Next(journal.SegmentPaths().Length)], FileMode.Open))
                        {
                            file.SetLength(random.NextInt64(file.Length));
                        }

                        break;
                    case 2 when journal.SegmentPaths().Length > 4:
                        File.Delete(journal.SegmentPaths()[random.Next(1, journal.SegmentPaths().Length - 1)]);
                        break;
                }
            }

            var (_, damages) = JournalFixture.ReadAll(journal.Directory_);
            Assert.That(JournalInspection.Run(journal.Directory_).Damages, Is.EqualTo(damages), $"round {round}");
        }
    }

    [Test]
    public void Inspect_beside_a_writer_calls_the_newest_open_and_does_not_disturb_it()
    {
        using var journal = new JournalFixture();
        using var writer = journal.Open();
        journal.Append(writer, 3, RecordKind.Frame, [1]);
        writer.Flush();
        var (exit, root) = Inspect(journal);
        Assert.That(exit, Is.EqualTo(ExitCode.Ok));
        Assert.That(root.GetProperty("segments")[0].GetProperty("state").GetString(), Is.EqualTo("open"));
        Assert.That(Assert.Throws<SetupException>(() => JournalCommand.Repair(journal.Directory_, new StringWriter()))!.Message, Does.Contain("is writing"));
    }

    [Test]
    public void Repair_cuts_a_torn_tail_says_so_and_leaves_damage_alone()
    {
        using var journal = WriteSegments(Seeds.New(out _));
        var newest = journal.SegmentPaths()[^1];
        File.AppendAllText(newest, "torn");
        Damage(journal, 1, at: 300);
        var output = new StringWriter();
        Assert.That(JournalCommand.Repair(journal.Directory_, output), Is.EqualTo(ExitCode.Failed));
        Assert.That(output.ToString(), Does.Contain("truncated from").And.Contain("left as it is"));
        output = new StringWriter();
        JournalCommand.Repair(journal.Directory_, output);
        Assert.That(output.ToString(), Does.Contain("nothing to repair"));
    }

    [Test]
    public void A_missing_verb_or_directory_is_one_sentence()
    {
        Assert.That(Run("inspekt").Message, Does.Contain("did you mean \"inspect\""));
        Assert.That(Run("inspect", "--data-dir", "/nonexistent").Message, Does.Contain("/nonexistent/journal"));
        Assert.That(Run().Message, Does.Contain("inspect, repair"));

        static SetupException Run(params string[] arguments) =>
            Assert.Throws<SetupException>(() => JournalCommand.RunAsync(CommandLine.Parse("journal", arguments, JournalCommand.Options)))!;
    }

    private static (int Exit, JsonElement Root) Inspect(JournalFixture journal)
    {
        var output = new StringWriter();
        var exit = JournalCommand.Inspect(journal.Directory_, isJson: true, output);
        return (exit, JsonDocument.Parse(output.ToString()).RootElement);
    }

    private static void Damage(JournalFixture journal, int segment, int at)
    {
        var path = journal.SegmentPaths()[segment];
        var bytes = File.ReadAllBytes(path);
        if (bytes.Length > 0)
        {
            bytes[at % bytes.Length] ^= 0x40;
            File.WriteAllBytes(path, bytes);
        }
    }

    private static JournalFixture WriteSegments(Random random, int records = 300)
    {
        var journal = new JournalFixture(segmentBytesMax: 4_096);
        using var writer = journal.Open();
        journal.AppendRandom(writer, random, records);
        return journal;
    }
}
