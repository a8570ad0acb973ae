using Microsoft.Extensions.Logging;

namespace Kalshi.Daemon;

/// <summary>A file that says how a running mode is doing, replaced as a whole so that no reader ever sees half of it. One thread.</summary>
internal sealed class StatusFile(string path, ILogger log)
{
    private bool _isRefused;

    /// <summary>A disk that refuses is said once; a full one is somebody else's alarm to raise.</summary>
    public void Save(byte[] bytes)
    {
        try
        {
            var temporary = path + ".new";
            File.WriteAllBytes(temporary, bytes);
            File.Move(temporary, path, overwrite: true);
            _isRefused = false;
        }
        catch (IOException e)
        {
            if (!_isRefused)
            {
                log.StatusRefused(path, e);
            }

            _isRefused = true;
        }
    }
}
