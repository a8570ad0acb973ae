using Kalshi.Daemon.Exchange.Protocol;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Exchange.Protocol;

/// <summary>A decoder, and sentences about it.</summary>
internal abstract class DecoderFixture
{
    protected FrameDecoder Decoder { get; } = new();

    protected Message Message => Decoder.Message;

    protected void Decode(string frame, bool useYesPrice = false) =>
        Assert.That(Decoder.Decode(WireFrames.Bytes(frame), useYesPrice), Is.EqualTo(DecodeVerdict.Decoded), () => Decoder.Reason);

    protected void Expect(string frame, string description, bool withPayload = true)
    {
        Decode(frame);
        Assert.That(WireFrames.Describe(Message, withPayload), Is.EqualTo(description));
    }

    protected void ExpectRejected(string frame, string reason)
    {
        Assert.That(Decoder.Decode(WireFrames.Bytes(frame), false), Is.EqualTo(DecodeVerdict.Rejected));
        Assert.That(Decoder.Reason, Is.EqualTo(reason));
    }
}
