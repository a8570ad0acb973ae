using System.Text;
using System.Text.RegularExpressions;
using Kalshi.Daemon.Exchange.Protocol;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Exchange.Protocol;

internal sealed class UuidsTest
{
    [Test]
    public void Every_uuid_survives_its_text_in_either_case_and_one_wrong_letter_is_refused()
    {
        var random = Seeds.New(out var seed);
        var bytes = new byte[16];
        for (var i = 0; i < 100_000; i++)
        {
            random.NextBytes(bytes);
            var uuid = new Guid(bytes);
            var text = Encoding.ASCII.GetBytes((i % 2 == 0 ? uuid.ToString("D") : uuid.ToString("D").ToUpperInvariant()) + "\",");
            var at = 0;
            Assert.That(Uuids.TryReadInPlace(text, ref at, out var read), Is.True);
            Assert.That((read, at), Is.EqualTo((uuid, 37)), () => $"{uuid}, seed {seed}");
            Assert.That(Uuids.TryParse(text.AsSpan(0, 35), out _), Is.False);

            at = 0;
            text[random.Next(36)] = (byte)random.Next(256);
            var isUuid = Uuids.TryReadInPlace(text, ref at, out read);
            var changed = Encoding.Latin1.GetString(text, 0, 36);
            Assert.That(isUuid, Is.EqualTo(Regex.IsMatch(changed, "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")), () => $"{Convert.ToHexString(text)}, seed {seed}");
            Assert.That(!isUuid || read == Guid.Parse(changed), Is.True);
        }
    }
}
