using Kalshi.Daemon.Books;

namespace Kalshi.Daemon.Verify;

/// <summary>A whole journal into an <see cref="Audit"/>.</summary>
internal static class JournalSource
{
    /// <summary>`damages` of the audit are what could not be read.</summary>
    public static void Read(string directory, Audit audit)
    {
        foreach (var damage in JournalReplay.Run(directory, new AuditSink(audit)))
        {
            audit.Damages.Add($"{Path.GetFileName(damage.Segment)} bytes {damage.FromOffset} to {damage.ToOffset}: {damage.Cause}");
        }
    }
}
