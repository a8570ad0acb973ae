namespace Kalshi.Daemon.Tests;

/// <summary>Where this repository's own files are, found from the test assembly upwards.</summary>
internal static class Repository
{
    public static readonly string Root = FindRoot();

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "kalshid.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException("kalshid.slnx is in no folder above the test assembly.");
    }
}
