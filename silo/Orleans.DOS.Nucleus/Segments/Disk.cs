using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Orleans.DOS.Segments;

/// <summary>The few disk calls that .NET does not have, and what its exceptions mean.</summary>
internal static partial class Disk
{
    private const int NoSpaceErrno = 28;
    private const int QuotaErrno = 122;

    /// <summary>Makes names in a directory durable. Windows has no such call and needs none on NTFS.</summary>
    public static void SyncDirectory(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }
        var descriptor = Open(path, 0);
        if (descriptor < 0)
        {
            throw new IOException($"Directory '{path}' cannot be opened: error {Marshal.GetLastPInvokeError()}");
        }
        var result = Sync(descriptor);
        var error = Marshal.GetLastPInvokeError();
        Close(descriptor);
        if (result != 0)
        {
            throw new FlushFailedException($"Directory '{path}' cannot be synced: error {error}");
        }
    }

    /// <summary>Replaces a small file so that after a crash either the old or the new content stands.</summary>
    public static void Replace(string path, string content)
    {
        var draft = path + ".new";
        using (var handle = File.OpenHandle(draft, FileMode.Create, FileAccess.Write))
        {
            RandomAccess.Write(handle, System.Text.Encoding.UTF8.GetBytes(content), 0);
            RandomAccess.FlushToDisk(handle);
        }
        File.Move(draft, path, overwrite: true);
        SyncDirectory(Path.GetDirectoryName(path)!);
    }

    /// <exception cref="FlushFailedException">What was written may be lost.</exception>
    public static void Flush(SafeFileHandle handle)
    {
        try
        {
            RandomAccess.FlushToDisk(handle);
        }
        catch (IOException exception)
        {
            throw new FlushFailedException(exception);
        }
    }

    /// <summary>Refused before the disk does it, with what the disk would say.</summary>
    public static IOException Full(string directory) => new($"The disk of '{directory}' is nearly full", NoSpaceErrno);

    public static Nodes.DiskSpace Space(string directory)
    {
        var drive = new DriveInfo(directory);
        return new(drive.TotalSize, drive.AvailableFreeSpace);
    }

    public static bool IsFull(IOException exception) => exception.HResult is NoSpaceErrno or QuotaErrno;

    /// <summary>Reads until the buffer is full or the file ends.</summary>
    public static int Read(SafeFileHandle handle, Span<byte> buffer, long offset)
    {
        var total = 0;
        while (total < buffer.Length)
        {
            var count = RandomAccess.Read(handle, buffer[total..], offset + total);
            if (count == 0)
            {
                break;
            }
            total += count;
        }
        return total;
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
