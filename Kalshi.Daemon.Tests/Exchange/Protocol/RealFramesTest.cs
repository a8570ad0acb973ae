using System.Text;
using Kalshi.Daemon.Exchange.Protocol;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Exchange.Protocol;

/// <summary>What the exchange really sent: every frame decodes, or is refused for a reason known beforehand.</summary>
internal sealed class RealFramesTest
{
    private const string UseYesPriceFile = "ws-demo-2026-08-17-three-channels-use_yes_price.jsonl";

    [Test]
    public void Every_captured_sample_decodes()
    {
        var decoder = new FrameDecoder();
        var total = 0;
        foreach (var file in RealFrames.SampleFiles())
        {
            var verdicts = new SortedDictionary<string, int>(StringComparer.Ordinal);
            foreach (var frame in RealFrames.ReadSamples(file))
            {
                var verdict = decoder.Decode(frame, file == UseYesPriceFile);
                var line = verdict == DecodeVerdict.Rejected ? decoder.Reason : $"{verdict} {FrameTypes.Name(decoder.Message.Type)}";
                verdicts[line] = verdicts.GetValueOrDefault(line) + 1;
                total++;
                Assert.That(verdict, Is.EqualTo(DecodeVerdict.Decoded), () => $"{decoder.Reason}: {Encoding.UTF8.GetString(frame)}");
            }

            TestContext.Out.WriteLine(file);
            foreach (var (line, count) in verdicts)
            {
                TestContext.Out.WriteLine($"  {count,3} {line}");
            }
        }

        Assert.That(total, Is.EqualTo(95));
        Assert.That(decoder.UnknownFields, Is.Zero);
    }

    [Test]
    public void Every_frame_of_the_documentation_decodes_or_is_of_a_type_or_form_that_is_gone()
    {
        var decoder = new FrameDecoder();
        var unknown = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var frame in RealFrames.ReadSamples("docs-examples.jsonl"))
        {
            using var document = System.Text.Json.JsonDocument.Parse(frame);
            if (!document.RootElement.TryGetProperty("type", out var type))
            {
                continue; // A command: ours, not the exchange's.
            }

            var verdict = decoder.Decode(frame, false);
            Assert.That(verdict, Is.Not.EqualTo(DecodeVerdict.Rejected), () => $"{decoder.Reason}: {Encoding.UTF8.GetString(frame)}");
            if (verdict == DecodeVerdict.Unknown)
            {
                unknown.Add(type.GetString()!);
            }
        }

        Assert.That(unknown, Is.EqualTo(new[] { "cfbenchmarks_value", "multivariate_lookup", "pyth_value", "ticker_v2" }));
        Assert.That(decoder.UnknownFields, Is.Zero);
    }

    [Test]
    public void Every_recorded_message_decodes_and_knows_all_its_fields()
    {
        var decoder = new FrameDecoder();
        var general = new FrameDecoder();
        var counts = new Dictionary<FrameType, int>();
        foreach (var frame in RealFrames.ReadRecordings())
        {
            Assert.That(decoder.Decode(frame, false), Is.EqualTo(DecodeVerdict.Decoded), () => $"{decoder.Reason}: {Encoding.UTF8.GetString(frame)}");
            var scanned = WireFrames.Describe(decoder.Message);
            Assert.That(general.DecodeByFields(frame, false), Is.EqualTo(DecodeVerdict.Decoded));
            Assert.That(scanned, Is.EqualTo(WireFrames.Describe(general.Message)));
            Assert.That(FrameHeadReader.TryScan(frame, out var outline), Is.True);
            Assert.That(outline.Head, Is.EqualTo(FrameHeadReader.ReadByWalk(frame)));
            counts[decoder.Message.Type] = counts.GetValueOrDefault(decoder.Message.Type) + 1;
        }

        Assert.That(counts.Values.Sum(), Is.EqualTo(243_717));
        Assert.That(decoder.UnknownFields, Is.Zero);
        TestContext.Out.WriteLine(string.Join(", ", counts));
    }
}
