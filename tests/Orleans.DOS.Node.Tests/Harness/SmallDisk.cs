using System.Diagnostics;

namespace Orleans.DOS.Node.Tests.Harness;

/// <summary>A file system of its own that a test can fill; in memory, and only where there is the right to mount one.</summary>
internal sealed class SmallDisk : IDisposable
{
    private const string Size = "1g";
    private readonly string _directory;

    private SmallDisk(string directory) => _directory = directory;

    private string Filling => Path.Combine(_directory, "filling");

    /// <returns>Null without the right.</returns>
    public static SmallDisk? Mount(string directory)
    {
        Directory.CreateDirectory(directory);
        return Run("mount", "-t", "tmpfs", "-o", $"size={Size}", "tmpfs", directory) ? new SmallDisk(directory) : null;
    }

    /// <summary>Leaves not a byte.</summary>
    public void Fill()
    {
        using var file = new FileStream(Filling, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        try
        {
            for (var piece = new byte[1 << 20]; piece.Length > 0;)
            {
                try
                {
                    file.Write(piece);
                }
                catch (IOException)
                {
                    piece = piece[..(piece.Length / 2)];
                }
            }
        }
        catch (IOException)
        {
            // Full.
        }
    }

    public void Empty() => System.IO.File.Delete(Filling);

    public void Dispose() => Run("umount", "--lazy", _directory);

    private static bool Run(string command, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true })!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
