using System.IO.Hashing;
using Kalshi.Daemon.Books;
using Kalshi.Daemon.Journal;
using Kalshi.Daemon.Registry;

namespace Kalshi.Daemon.Export;

/// <summary>
/// What the next run needs to go on at the beginning of an hour instead of the source's beginning: `DATA_DIR/export/NAME`, replaced
/// atomically.
/// </summary>
/// <remarks>
/// <code>
/// "KXEXPORT" │ version │ target │ last exported hour │ epoch marks │ trade window │ object versions │ source │ XxHash64 of all before
/// </code>
/// A state that is missing, of another version, torn or of another target is no state: the source is read from its beginning.
/// </remarks>
internal sealed class ExportState(string dataDirectory, string name)
{
    private const int Version = 2;
    private const int HashBytes = 8;
    private const string Magic = "KXEXPORT";

    private readonly string _directory = Path.Combine(dataDirectory, "export");

    private string StatePath => Path.Combine(_directory, name);

    /// <summary>One export at a time; dispose to release. Null when another one holds it.</summary>
    public FileStream? TryLock()
    {
        Directory.CreateDirectory(_directory);
        try
        {
            return new FileStream(Path.Combine(_directory, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Saves what stands at the end of `hour`.</summary>
    public void Save(string target, Hour hour, HourSink sink, TradeWindow window, ObjectVersions versions, IExportSource source)
    {
        Directory.CreateDirectory(_directory);
        var bytes = new MemoryStream();
        using (var writer = new BinaryWriter(bytes, System.Text.Encoding.UTF8, leaveOpen: true))
        {
            writer.Write(Magic);
            writer.Write(Version);
            writer.Write(target);
            writer.Write(hour.StartAt);
            sink.Save(writer);
            window.Save(writer, withPlaces: false);
            versions.Save(writer);
        }

        source.Save(bytes);
        bytes.Write(XxHash64.Hash(bytes.GetBuffer().AsSpan(0, (int)bytes.Length)));
        Disk.Replace(StatePath, bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
    }

    /// <summary>
    /// Loads into the given parts; what remains is the source's. Null with the reason when there is no usable state (the parts may be
    /// half loaded then).
    /// </summary>
    public (Stream Source, Hour Hour)? TryLoad(string target, HourSink sink, TradeWindow window, ObjectVersions versions, out string? refusal)
    {
        refusal = null;
        try
        {
            if (!File.Exists(StatePath))
            {
                return null;
            }

            var bytes = File.ReadAllBytes(StatePath);
            var body = bytes.AsSpan(0, Math.Max(0, bytes.Length - HashBytes));
            if (!XxHash64.Hash(body).AsSpan().SequenceEqual(bytes.AsSpan(body.Length)))
            {
                refusal = "its checksum does not fit";
                return null;
            }

            var stream = new MemoryStream(bytes, 0, body.Length);
            using var reader = new BinaryReader(stream, System.Text.Encoding.UTF8, leaveOpen: true);
            if (reader.ReadString() != Magic || reader.ReadInt32() != Version)
            {
                refusal = "it was written by another version";
                return null;
            }

            if (reader.ReadString() is var other && other != target)
            {
                refusal = $"it belongs to the target {other}";
                return null;
            }

            var hour = new Hour(reader.ReadInt64());
            sink.Load(reader);
            window.Load(reader);
            versions.Load(reader);
            return (stream, hour);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            refusal = e.Message;
            return null;
        }
    }
}
