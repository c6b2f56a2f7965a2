"""NIST's Misra1a by Newton's method; `symdiff demo` runs it too."""

from symdiff.demo.misra1a import main

if __name__ == "__main__":
    main()
