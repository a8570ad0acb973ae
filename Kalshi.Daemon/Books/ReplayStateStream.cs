using System.Text;

namespace Kalshi.Daemon.Books;

/// <summary>Writes a saved <see cref="Replay"/>: little-endian, length-prefixed UTF-8, each distinct reason once.</summary>
internal sealed class StateWriter(Stream stream) : BinaryWriter(stream, Encoding.UTF8, leaveOpen: true)
{
    private readonly Dictionary<string, int> _reasons = [];

    /// <summary>0 = null; n = the n-th reason of the file, its text following where it first appears.</summary>
    public void WriteReason(string? reason)
    {
        if (reason is null)
        {
            Write(0);
            return;
        }

        var isNew = _reasons.TryAdd(reason, _reasons.Count + 1);
        Write(_reasons[reason]);
        if (isNew)
        {
            Write(reason);
        }
    }
}

internal sealed class StateReader(Stream stream) : BinaryReader(stream, Encoding.UTF8, leaveOpen: true)
{
    private readonly List<string> _reasons = [];

    public string? ReadReason()
    {
        var number = ReadInt32();
        if (number == 0)
        {
            return null;
        }

        if (number == _reasons.Count + 1)
        {
            _reasons.Add(ReadString());
        }

        return number <= _reasons.Count ? _reasons[number - 1] : throw new InvalidDataException("The saved replay state refers to a reason it does not hold.");
    }
}
