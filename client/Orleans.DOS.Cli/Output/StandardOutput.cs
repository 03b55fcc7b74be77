using Microsoft.Win32.SafeHandles;

namespace Orleans.DOS.Cli;

/// <summary>
/// Standard output as a stream that tells when its reader has gone. The console's own stream swallows that (EPIPE), and
/// <c>dos run yes | head</c> would go on for ever.
/// </summary>
internal static class StandardOutput
{
    /// <summary>What a shell reports of a program that SIGPIPE ended.</summary>
    public const int ReaderGoneExitCode = 141;
    /// <summary>EPIPE, as IOException carries it.</summary>
    private const int BrokenPipe = 32;

    /// <summary>The failure of a write to it when nobody reads any more.</summary>
    public static bool IsReaderGone(Exception failure) => failure is IOException { HResult: BrokenPipe };

    public static Stream Open()
    {
        var file = new FileStream(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        // A file is written at places that FileStream counts by itself; what others write to it would be overwritten.
        return file.CanSeek ? Console.OpenStandardOutput() : file;
    }
}
