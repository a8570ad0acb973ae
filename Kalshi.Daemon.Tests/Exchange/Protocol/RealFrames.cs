using System.IO.Compression;
using System.Text;
using System.Text.Json;
using NUnit.Framework;

namespace Kalshi.Daemon.Tests.Exchange.Protocol;

/// <summary>Frames as the exchange sent them, from the folder of captures beside the repository. Not part of the repository: tests that need it say so and are skipped.</summary>
internal static class RealFrames
{
    private static readonly string? Root = FindRoot();

    /// <summary>The file's frames, whichever of the three line shapes it has; docs examples give one frame or, of an array, several.</summary>
    public static List<byte[]> ReadSamples(string file)
    {
        var frames = new List<byte[]>();
        foreach (var line in File.ReadLines(Path.Combine(Folder("samples"), file)))
        {
            using var document = JsonDocument.Parse(line);
            var frame = document.RootElement;
            foreach (var wrapper in (string[])["event", "frame", "payload"])
            {
                frame = frame.TryGetProperty(wrapper, out var inner) ? inner : frame;
            }

            frames.Add(Encoding.UTF8.GetBytes(frame.GetRawText()));
        }

        return frames;
    }

    public static IEnumerable<string> SampleFiles() =>
        Directory.EnumerateFiles(Folder("samples"), "ws-*.jsonl").Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal);

    /// <summary>All frames of all recordings, in file order, exactly the bytes that stand there.</summary>
    public static IEnumerable<byte[]> ReadRecordings()
    {
        foreach (var path in Directory.EnumerateFiles(Folder("recordings"), "*.ndjson.gz").Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
            while (reader.ReadLine() is { } line)
            {
                // {"recv_ms":1785901540025,"event":{…}}
                var start = line.IndexOf("\"event\":", StringComparison.Ordinal) + 8;
                yield return Encoding.UTF8.GetBytes(line[start..^1]);
            }
        }
    }

    /// <summary>The body of the first REST answer captured from that path.</summary>
    public static byte[] ReadRestCapture(string path)
    {
        var line = File.ReadLines(Path.Combine(Folder("samples"), "rest-captures.jsonl")).Select(text => JsonDocument.Parse(text).RootElement)
            .First(capture => capture.GetProperty("path").GetString() == path);
        return Encoding.UTF8.GetBytes(line.GetProperty("body").GetRawText());
    }

    private static string Folder(string name)
    {
        if (Root is null || !Directory.Exists(Path.Combine(Root, name)))
        {
            Assert.Ignore($"The captured frames ({name}) are not beside this repository.");
        }

        return Path.Combine(Root!, name);
    }

    private static string? FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "kalshid.slnx")))
            {
                return Path.Combine(folder.FullName, "..", "shared", "kalshi");
            }
        }

        return null;
    }
}
