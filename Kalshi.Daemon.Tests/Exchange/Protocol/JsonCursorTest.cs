using System.Text;
using System.Text.Json;
using Kalshi.Daemon.Exchange.Protocol;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Exchange.Protocol;

internal sealed class JsonCursorTest
{
    private static readonly string[] Documents =
    [
        "{}", "[]", "null", "true", "false", "0", "-0", "-1.5e+10", "1E5", "1e-5", "\"\"", "\"a\\u00e9\\n\"", "[[],{}]", "{\"a\":[1,{\"b\":null}],\"c\":\"}\"}", " { \"a\" : [ 1 , 2 ] } ",
        "", " ", "nul", "tru", "nulll", "-", "01", "1.", ".5", "1e", "1e+", "+1", "\"", "\"\\\"", "\"\\x\"", "\"\\u12g4\"", "\"\t\"", "[1,]", "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
        "{a:1}", "{\"a\":1]", "[1}", "{}{}", "{} x", "[", "{", "]", "}", "{\"a\":1", "[1", "//x\n{}", "{\"a\":1}\u0000", "\"\u007f\"", "[\"\\ud800\"]",
    ];

    [Test]
    public void Accepts_exactly_what_Utf8JsonReader_accepts()
    {
        foreach (var document in Documents)
        {
            Check(Encoding.UTF8.GetBytes(document));
        }

        foreach (var depth in (int[])[1, 2, 31, 63, 64, 65, 66, 200])
        {
            Check(Encoding.ASCII.GetBytes(new string('[', depth) + new string(']', depth)));
            Check(Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("{\"a\":", depth)) + "1" + new string('}', depth)));
        }
    }

    [Test]
    public void Accepts_what_Utf8JsonReader_accepts_of_broken_documents_too()
    {
        var random = Seeds.New(out var seed);
        var letters = "{}[]\",:\\/ \t\n0123456789.-+eEunltrfasb\u0001é"u8.ToArray();
        var valid = 0;
        for (var i = 0; i < 100_000; i++)
        {
            var bytes = Encoding.UTF8.GetBytes(WireFrames.All[random.Next(WireFrames.All.Length)]);
            var from = random.Next(bytes.Length);
            var part = random.Next(3) == 0 ? bytes[from..] : bytes;
            for (var changes = random.Next(3); changes > 0; changes--)
            {
                part[random.Next(part.Length)] = letters[random.Next(letters.Length)];
            }

            valid += Check(part, seed) ? 1 : 0;
        }

        Assert.That(valid, Is.InRange(10_000, 90_000));
    }

    private static bool Check(byte[] document, int seed = 0)
    {
        var cursor = new JsonCursor(document);
        var isAccepted = cursor.ReadValue(out var value) && cursor.IsAtEnd();
        Assert.That(isAccepted, Is.EqualTo(IsAccepted(document)), () => $"{Encoding.UTF8.GetString(document)}, seed {seed}");
        Assert.That(!isAccepted || value.Length > 0 || value.Kind == JsonKind.String, Is.True);
        return isAccepted;
    }

    private static bool IsAccepted(byte[] document)
    {
        try
        {
            var reader = new Utf8JsonReader(document);
            while (reader.Read())
            {
            }

            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
